#include "client/cli/arguments.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

namespace pannier::cli {

namespace {

constexpr std::uint64_t kDurationMsMax = std::uint64_t{1} << 53;

struct Unit {
  std::string_view name;
  std::uint64_t factor;
};
// "ms" before "m": the first that fits is taken.
constexpr std::array kTimeUnits = {Unit{"ms", 1}, Unit{"s", 1'000}, Unit{"m", 60'000}, Unit{"h", 3'600'000},
                                   Unit{"d", 86'400'000}};
constexpr std::array kSizeUnits = {Unit{"K", std::uint64_t{1} << 10}, Unit{"M", std::uint64_t{1} << 20},
                                   Unit{"G", std::uint64_t{1} << 30}};

/// Takes a number from the front of `text`.
std::optional<std::uint64_t> take_number(std::string_view& text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc()) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return number;
}

/// Takes a unit from the front of `text`.
template <std::size_t N>
std::optional<std::uint64_t> take_unit(std::string_view& text, const std::array<Unit, N>& units) {
  for (const auto& unit : units) {
    if (!text.starts_with(unit.name)) continue;
    text.remove_prefix(unit.name.size());
    return unit.factor;
  }
  return std::nullopt;
}

std::optional<std::uint64_t> product(std::uint64_t left, std::uint64_t right) {
  if (left > std::numeric_limits<std::uint64_t>::max() / right) return std::nullopt;
  return left * right;
}

[[noreturn]] void throw_usage(const std::string& option, const std::string& text, const std::string& right) {
  throw CLI::ValidationError(option, "\"" + text + "\" is no " + right);
}

}  // namespace

void Arguments::cache(std::string& target) {
  required("CACHE", target, "Name of the cache, e.g. lru, ttl or durable");
}

void Arguments::cache_and_key(KeyArguments& target) {
  cache(target.cache);
  required("KEY", target.key, "The key, any bytes");
}

void Arguments::required(const std::string& name, std::string& target, const std::string& help) {
  app_.add_option(name, target, help)->required()->type_name("");
}

void Arguments::required(const std::string& name, std::uint64_t& target, const std::string& help) {
  app_.add_option(name, target, help)->required()->type_name("");
}

void Arguments::required(const std::string& name, std::vector<std::string>& target, const std::string& help) {
  app_.add_option(name, target, help)->required()->type_name("");
}

void Arguments::optional(const std::string& name, std::string& target, const std::string& help) {
  app_.add_option(name, target, help)->type_name("");
}

void Arguments::optional(const std::string& name, std::optional<std::string>& target,
                         const std::string& help) {
  app_.add_option(name, target, help)->type_name("");
}

void Arguments::optional(const std::string& name, std::int64_t& target, const std::string& help) {
  app_.add_option(name, target, help)->type_name("")->capture_default_str();
}

void Arguments::optional(const std::string& name, std::vector<std::string>& target, const std::string& help) {
  app_.add_option(name, target, help)->type_name("");
}

void Arguments::flag(const std::string& name, bool& target, const std::string& help) {
  app_.add_flag(name, target, help);
}

void Arguments::text(const std::string& name, std::string& target, const std::string& unit,
                     const std::string& help) {
  app_.add_option(name, target, help)->type_name(unit);
}

void Arguments::count(const std::string& name, std::optional<std::uint64_t>& target, const std::string& unit,
                      const std::string& help) {
  app_.add_option(name, target, help)->type_name(unit);
}

void Arguments::integer(const std::string& name, std::optional<std::int64_t>& target,
                        const std::string& help) {
  app_.add_option(name, target, help)->type_name("INTEGER");
}

void Arguments::duration(const std::string& name, std::optional<std::chrono::milliseconds>& target,
                         const std::string& help) {
  const auto take = [name, &target](const std::string& text) {
    target = parse_duration(text);
    if (!target) throw_usage(name, text, "duration, like 500ms, 30s, 5m, 1h30m or 7d");
  };
  app_.add_option_function<std::string>(name, take, help)->type_name("DURATION");
}

void Arguments::ttl(Ttl& target) {
  const auto take = [&target](const std::string& text) {
    const auto duration = parse_duration(text);
    if (!duration && text != "none")
      throw_usage("--ttl", text, "duration, like 500ms, 30s or 5m, nor the word none");
    target = duration ? Ttl(*duration) : Ttl::none();
  };
  const std::string help = "Expire after this time; none: never [as the cache has it]";
  app_.add_option_function<std::string>("--ttl", take, help)->type_name("DURATION");
}

void Arguments::size(const std::string& name, std::optional<std::uint64_t>& target, const std::string& help) {
  const auto take = [name, &target](const std::string& text) {
    target = parse_size(text);
    if (!target) throw_usage(name, text, "number of bytes, like 65536, 64K, 256M or 1G");
  };
  app_.add_option_function<std::string>(name, take, help)->type_name("BYTES");
}

void Arguments::word(const std::string& name, const std::vector<std::string>& words, bool is_required,
                     const std::function<void(std::size_t)>& take, const std::string& help) {
  const auto choice = CLI::detail::join(words, "|");
  const auto take_word = [=](const std::string& word) {
    const auto found = std::find(words.begin(), words.end(), word);
    if (found == words.end()) throw_usage(name, word, "word for it; it takes " + choice);
    take(static_cast<std::size_t>(found - words.begin()));
  };
  app_.add_option_function<std::string>(name, take_word, help)->type_name(choice)->required(is_required);
}

void Arguments::exclusive(std::initializer_list<const char*> names) {
  for (const auto* name : names) {
    for (const auto* other : names) {
      if (other != name) app_.get_option(name)->excludes(app_.get_option(other));
    }
  }
}

void Arguments::help(const std::string& text) { app_.footer(text); }

void Arguments::run(const std::function<void()>& action) { app_.callback(action); }

std::optional<std::chrono::milliseconds> parse_duration(std::string_view text) {
  if (text == "0") return std::chrono::milliseconds(0);
  if (text.empty()) return std::nullopt;
  std::uint64_t total_ms = 0;
  while (!text.empty()) {
    const auto number = take_number(text);
    if (!number) return std::nullopt;
    const auto unit = take_unit(text, kTimeUnits);
    if (!unit) return std::nullopt;
    const auto part_ms = product(*number, *unit);
    if (!part_ms || *part_ms > kDurationMsMax - total_ms) return std::nullopt;
    total_ms += *part_ms;
  }
  return std::chrono::milliseconds(total_ms);
}

std::optional<std::uint64_t> parse_size(std::string_view text) {
  const auto number = take_number(text);
  if (!number) return std::nullopt;
  const auto unit = take_unit(text, kSizeUnits).value_or(1);
  if (!text.empty()) return std::nullopt;
  return product(*number, unit);
}

}  // namespace pannier::cli
