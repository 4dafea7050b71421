// Arguments: what a sub-command takes, declared in one line each. The one place that knows CLI11 (with
// program.cc and completion.cc), which would otherwise be compiled into every command. What cannot be read is
// a usage error that says what would be right. Targets are filled while the command line is parsed, before
// the command runs, and must live until then.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pannier/options.h"

namespace CLI {
class App;
}

namespace pannier::cli {

struct KeyArguments {
  std::string cache;
  std::string key;
};

class Arguments {
 public:
  /// Declares to `app`, which must outlive this.
  explicit Arguments(CLI::App& app) : app_(app) {}

  // Positional ones, in their order.
  void cache(std::string& target);
  void cache_and_key(KeyArguments& target);
  void required(const std::string& name, std::string& target, const std::string& help);
  void required(const std::string& name, std::uint64_t& target, const std::string& help);
  /// At least one.
  void required(const std::string& name, std::vector<std::string>& target, const std::string& help);
  void optional(const std::string& name, std::string& target, const std::string& help);
  void optional(const std::string& name, std::optional<std::string>& target, const std::string& help);
  void optional(const std::string& name, std::int64_t& target, const std::string& help);
  void optional(const std::string& name, std::vector<std::string>& target, const std::string& help);

  // Options: `name` with its dashes, `unit` as it stands in the help.
  void flag(const std::string& name, bool& target, const std::string& help);
  void text(const std::string& name, std::string& target, const std::string& unit, const std::string& help);
  void count(const std::string& name, std::optional<std::uint64_t>& target, const std::string& unit,
             const std::string& help);
  void integer(const std::string& name, std::optional<std::int64_t>& target, const std::string& help);
  /// Whole numbers with units, "1h30m"; "0" needs none.
  void duration(const std::string& name, std::optional<std::chrono::milliseconds>& target,
                const std::string& help);
  /// --ttl: a duration, or "none".
  void ttl(Ttl& target);
  /// A number of bytes, with K, M or G (powers of 1,024).
  void size(const std::string& name, std::optional<std::uint64_t>& target, const std::string& help);
  /// One of `words`; `take` gets its position.
  void word(const std::string& name, const std::vector<std::string>& words, bool is_required,
            const std::function<void(std::size_t)>& take, const std::string& help);
  /// At most one of these may be given.
  void exclusive(std::initializer_list<const char*> names);

  /// What --help says after the arguments.
  void help(const std::string& text);
  /// What to do when the command line was this command's.
  void run(const std::function<void()>& action);

 private:
  CLI::App& app_;
};

/// "1h30m", "500ms", "0". Nothing: it is no duration, or one beyond 2^53 ms.
std::optional<std::chrono::milliseconds> parse_duration(std::string_view text);
/// "65536", "64K". Nothing: it is no size, or one beyond 64 bits.
std::optional<std::uint64_t> parse_size(std::string_view text);

}  // namespace pannier::cli
