// Log: what the operator reads on standard error, a line an event: time, level, text; see also journal.h.
// Passed by reference to those who have to tell. Writing blocks if nobody reads. Loop thread only.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace pannier::daemon {

enum class LogLevel { kDebug, kInfo, kWarning, kError };

/// The level of that name; nothing if there is none.
std::optional<LogLevel> log_level_named(std::string_view name);
/// "debug, info, warning, error": for error texts.
std::string log_level_names();

class Log {
 public:
  /// Events below `least` are left out.
  explicit Log(LogLevel least);
  ~Log();
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  /// `text` is one event; line breaks and other control characters in it are escaped.
  void debug(std::string_view text) { write(LogLevel::kDebug, text); }
  void info(std::string_view text) { write(LogLevel::kInfo, text); }
  void warning(std::string_view text) { write(LogLevel::kWarning, text); }
  void error(std::string_view text) { write(LogLevel::kError, text); }
  /// Whether events of this level are written: to leave out work on texts that nobody sees.
  bool shows(LogLevel level) const { return level >= least_; }
  void leave_out_below(LogLevel least) { least_ = least; }

 private:
  void write(LogLevel level, std::string_view text);

  class Sink;
  LogLevel least_;
  std::unique_ptr<Sink> sink_;
};

}  // namespace pannier::daemon
