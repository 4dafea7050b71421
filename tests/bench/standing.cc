#include "tests/bench/standing.h"

#include <algorithm>

#include "tests/bench/rounds.h"
#include "tests/bench/table.h"

namespace pannier::bench {
namespace {

std::vector<double> ratios_of(const std::vector<Figures>& one, const std::vector<Figures>& other,
                              double Figures::*figure) {
  std::vector<double> ratios;
  for (std::size_t i = 0; i < one.size(); ++i) ratios.push_back(one[i].*figure / other[i].*figure);
  return ratios;
}

}  // namespace

std::string Ratio::spread() const { return number(min, 2) + ".." + number(max, 2); }

std::string Ratio::text() const { return number(median, 2) + " (" + spread() + ')'; }

double median_of(const std::vector<Figures>& rounds, double Figures::*figure) {
  std::vector<double> values;
  for (const auto& each : rounds) values.push_back(each.*figure);
  return median_of(std::move(values));
}

Ratio ratio_of(const std::vector<Figures>& one, const std::vector<Figures>& other, double Figures::*figure) {
  const auto ratios = ratios_of(one, other, figure);
  const auto [min, max] = std::ranges::minmax(ratios);
  return {median_of(ratios), min, max};
}

bool is_scattered(const Rounds& rounds) {
  constexpr double kScatterMax = 1.0 / 7;
  return std::ranges::any_of(rounds, [&](const std::vector<Figures>& other) {
    if (other.empty()) return false;
    auto ratios = ratios_of(rounds.front(), other, &Figures::requests_s);
    std::ranges::sort(ratios);
    const std::size_t quarter = ratios.size() / 4;
    return ratios[ratios.size() - 1 - quarter] - ratios[quarter] > kScatterMax * ratios[ratios.size() / 2];
  });
}

}  // namespace pannier::bench
