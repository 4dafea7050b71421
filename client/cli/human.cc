#include "client/cli/human.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>
#include <string_view>

namespace pannier::cli {

namespace {

std::string one_decimal(double number) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.1f", number);
  return text;
}

struct TimeUnit {
  std::string_view name;
  std::uint64_t ms;
};
constexpr std::array kAgeUnits = {TimeUnit{"d", 86'400'000}, TimeUnit{"h", 3'600'000},
                                  TimeUnit{"min", 60'000}, TimeUnit{"s", 1'000}, TimeUnit{"ms", 1}};

std::size_t width_of(const std::string& cell) {
  const auto starts_character = [](char byte) { return (byte & 0xc0) != 0x80; };
  return static_cast<std::size_t>(std::count_if(cell.begin(), cell.end(), starts_character));
}

}  // namespace

std::string human_count(std::uint64_t count) {
  std::string digits = std::to_string(count);
  for (std::size_t at = digits.size(); at > 3;) {
    at -= 3;
    digits.insert(at, ",");
  }
  return digits;
}

std::string human_count(std::uint64_t count, std::string_view one, std::string_view many) {
  return human_count(count) + " " + std::string(count == 1 ? one : many);
}

std::string human_bytes(std::uint64_t bytes) {
  if (bytes < 1024) return std::to_string(bytes) + " B";
  static constexpr std::array kUnits = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  double number = static_cast<double>(bytes) / 1024;
  std::size_t unit = 0;
  // 1023.95 would be printed as 1024.0.
  for (; number >= 1023.95 && unit + 1 < kUnits.size(); ++unit) number /= 1024;
  return one_decimal(number) + " " + kUnits[unit];
}

std::string human_duration(std::uint64_t ms) {
  std::string text;
  for (std::size_t i = 0; i < kAgeUnits.size(); ++i) {
    const auto& unit = kAgeUnits[i];
    if (ms < unit.ms) continue;
    text = std::to_string(ms / unit.ms) + " " + std::string(unit.name);
    const std::uint64_t rest = ms % unit.ms;
    const bool has_second = i + 1 < kAgeUnits.size() && rest >= kAgeUnits[i + 1].ms;
    if (!has_second) return text;
    return text + " " + std::to_string(rest / kAgeUnits[i + 1].ms) + " " + std::string(kAgeUnits[i + 1].name);
  }
  return "0 ms";
}

std::string human_time(std::int64_t time_ms) {
  const std::time_t seconds = static_cast<std::time_t>(time_ms / 1'000);
  std::tm parts = {};
  char text[64];
  if (::gmtime_r(&seconds, &parts) == nullptr) return std::to_string(time_ms) + " ms";
  return {text, std::strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S UTC", &parts)};
}

std::string human_rate(std::uint64_t hits, std::uint64_t misses) {
  if (hits + misses == 0) return "-";
  return one_decimal(100 * static_cast<double>(hits) / static_cast<double>(hits + misses)) + " %";
}

std::string table(const std::vector<std::vector<std::string>>& rows, std::size_t left_columns) {
  std::vector<std::size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width_of(row[i]));
  }
  std::string text;
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      const std::string padding(widths[i] - width_of(row[i]), ' ');
      line += i < left_columns ? row[i] + padding : padding + row[i];
      line += "  ";
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  }
  return text;
}

}  // namespace pannier::cli
