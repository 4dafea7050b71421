#include "daemon/quantity.h"

#include <array>
#include <charconv>
#include <limits>
#include <span>

namespace pannier::daemon {
namespace {

struct Unit {
  std::string_view name;
  std::uint64_t factor;
};

// From the largest down; of several names for one the first is written.
constexpr std::array<Unit, 4> kSizeUnits = {{{"T", std::uint64_t{1} << 40},
                                             {"G", std::uint64_t{1} << 30},
                                             {"M", std::uint64_t{1} << 20},
                                             {"K", std::uint64_t{1} << 10}}};
constexpr std::array<Unit, 6> kDurationUnits = {
    {{"d", 86'400'000}, {"h", 3'600'000}, {"m", 60'000}, {"min", 60'000}, {"s", 1'000}, {"ms", 1}}};

std::optional<std::uint64_t> parse_number(std::string_view text, int base) {
  std::uint64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number, base);
  if (error != std::errc() || stop != end) return std::nullopt;
  return number;
}

std::optional<std::uint64_t> scaled(std::string_view digits, std::uint64_t factor) {
  const std::optional<std::uint64_t> number = parse_count(digits);
  if (!number || *number > std::numeric_limits<std::uint64_t>::max() / factor) return std::nullopt;
  return *number * factor;
}

char upper(char letter) {
  return letter >= 'a' && letter <= 'z' ? static_cast<char>(letter - 'a' + 'A') : letter;
}

/// "K", "KB" or "KiB", in any letters.
bool is_size_unit(std::string_view text, const Unit& unit) {
  if (text.empty() || upper(text.front()) != unit.name.front()) return false;
  std::string rest;
  for (const char letter : text.substr(1)) rest += upper(letter);
  return rest.empty() || rest == "B" || rest == "IB";
}

std::string in_units(std::uint64_t number, std::span<const Unit> units, std::string_view smallest) {
  for (const Unit& unit : units) {
    if (number >= unit.factor && number % unit.factor == 0) {
      return std::to_string(number / unit.factor) + std::string(unit.name);
    }
  }
  return std::to_string(number) + std::string(number == 0 ? "" : smallest);
}

std::size_t digits_of(std::string_view text) {
  const std::size_t end = text.find_first_not_of("0123456789");
  return end == std::string_view::npos ? text.size() : end;
}

}  // namespace

std::optional<std::uint64_t> parse_count(std::string_view text) { return parse_number(text, 10); }

std::optional<std::uint64_t> parse_size(std::string_view text) {
  const std::size_t digits = digits_of(text);
  const std::string_view suffix = text.substr(digits);
  if (suffix.empty()) return parse_count(text);
  for (const Unit& unit : kSizeUnits) {
    if (is_size_unit(suffix, unit)) return scaled(text.substr(0, digits), unit.factor);
  }
  return std::nullopt;
}

std::optional<std::uint64_t> parse_duration(std::string_view text) {
  if (text == "0") return 0;
  const std::size_t digits = digits_of(text);
  for (const Unit& unit : kDurationUnits) {
    if (text.substr(digits) == unit.name) return scaled(text.substr(0, digits), unit.factor);
  }
  return std::nullopt;
}

std::optional<std::uint64_t> parse_mode(std::string_view text) {
  constexpr std::uint64_t kModeMax = 0777;
  const std::optional<std::uint64_t> mode = parse_number(text.starts_with("0o") ? text.substr(2) : text, 8);
  if (!mode || *mode > kModeMax) return std::nullopt;
  return mode;
}

std::string size_text(std::uint64_t bytes) { return in_units(bytes, kSizeUnits, ""); }

std::string duration_text(std::uint64_t ms) { return in_units(ms, kDurationUnits, "ms"); }

std::string mode_text(std::uint64_t mode) {
  std::array<char, 24> digits;
  const auto [end, error] = std::to_chars(digits.data(), digits.data() + digits.size(), mode, 8);
  return "0" + std::string(digits.data(), end);
}

}  // namespace pannier::daemon
