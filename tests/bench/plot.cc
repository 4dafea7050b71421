#include "tests/bench/plot.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "tests/bench/table.h"

namespace pannier::bench {
namespace {

constexpr double kWidth = 860;
constexpr double kLeft = 90;    ///< for names
constexpr double kRight = 150;  ///< for the text behind bars
constexpr double kBarHeight = 12;
constexpr double kGroupGap = 12;
constexpr double kAxisHeight = 22;

std::string attribute(const char* name, double value) {
  return ' ' + std::string(name) + "=\"" + number(value) + '"';
}

std::string rectangle(double x, double y, double width, double height, std::size_t series) {
  return "<rect class=\"s" + std::to_string(series) + '"' + attribute("x", x) + attribute("y", y) +
         attribute("width", std::max(width, 1.0)) + attribute("height", height) + "/>\n";
}

std::string line(double x1, double y1, double x2, double y2, const std::string& style) {
  return "<line class=\"" + style + '"' + attribute("x1", x1) + attribute("y1", y1) + attribute("x2", x2) +
         attribute("y2", y2) + "/>\n";
}

std::string dot(double x, double y, std::size_t series) {
  return "<circle class=\"s" + std::to_string(series) + "\" r=\"3.5\"" + attribute("cx", x) +
         attribute("cy", y) + "/>\n";
}

std::string words(double x, double y, const std::string& text, const std::string& style) {
  return "<text class=\"" + style + '"' + attribute("x", x) + attribute("y", y) + '>' + text + "</text>\n";
}

std::string frame(double height, const std::string& inner) {
  return "<svg viewBox=\"0 0 " + number(kWidth, 0) + ' ' + number(height, 0) + "\" role=\"img\">\n" + inner +
         "</svg>\n";
}

/// Calls draw(group, member, y) for each member of each group; the height of all.
template <typename Group, typename Members, typename Draw>
double lay_out(std::string& out, const std::vector<Group>& groups, Members members, const Draw& draw) {
  double y = kAxisHeight;
  for (const auto& group : groups) {
    const auto& all = group.*members;
    const double middle = y + kBarHeight * static_cast<double>(all.size()) / 2;
    out += words(kLeft - 8, middle + 4, group.name, "name");
    for (const auto& each : all) {
      draw(group, each, y);
      y += kBarHeight;
    }
    y += kGroupGap;
  }
  return y;
}

}  // namespace

std::string bar_plot(const std::vector<BarGroup>& groups) {
  std::string out;
  const double height =
      lay_out(out, groups, &BarGroup::bars, [&](const BarGroup& group, const Bar& bar, double y) {
        const double greatest = std::ranges::max(group.bars, {}, &Bar::max).max;
        const double scale = (kWidth - kLeft - kRight) / std::max(greatest, 1e-9);
        const double middle = y + kBarHeight / 2;
        out += rectangle(kLeft, y + 1, bar.median * scale, kBarHeight - 2, bar.series);
        out += line(kLeft + bar.min * scale, middle, kLeft + bar.max * scale, middle, "spread");
        out += words(kLeft + bar.max * scale + 6, middle + 4, bar.text, "figure");
      });
  return frame(height, out + line(kLeft, kAxisHeight - 4, kLeft, height - kGroupGap + 4, "axis"));
}

std::string tail_plot(const std::vector<TailGroup>& groups) {
  double least = std::numeric_limits<double>::max();
  double greatest = 0;
  for (const auto& group : groups) {
    for (const auto& tail : group.tails) {
      least = std::min(least, tail.values.front());
      greatest = std::max(greatest, tail.values.back());
    }
  }
  const double first = std::floor(std::log10(std::max(least, 1e-3)));
  const double last = std::max(std::ceil(std::log10(std::max(greatest, 1e-3))), first + 1);
  const auto at = [&](double value) {
    return kLeft + (std::log10(std::max(value, 1e-3)) - first) / (last - first) * (kWidth - kLeft - 40);
  };
  std::string out;
  const double height =
      lay_out(out, groups, &TailGroup::tails, [&](const TailGroup&, const Tail& tail, double y) {
        const double middle = y + kBarHeight / 2;
        out += line(at(tail.values.front()), middle, at(tail.values.back()), middle,
                    "tail s" + std::to_string(tail.series));
        for (const double value : tail.values) out += dot(at(value), middle, tail.series);
      });
  std::string axis;
  for (double power = first; power <= last; ++power) {
    const double value = std::pow(10, power);
    axis += line(at(value), kAxisHeight - 4, at(value), height - kGroupGap + 4, "axis");
    axis += words(at(value), kAxisHeight - 8,
                  value < 1000 ? number(value, value < 1 ? 1 : 0) + " us" : number(value / 1000, 0) + " ms",
                  "tick");
  }
  return frame(height, axis + out);
}

}  // namespace pannier::bench
