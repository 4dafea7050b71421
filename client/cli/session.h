// Session: what every sub-command of `pannier` works with: the options before the sub-command, the client,
// and how it ends. Output goes to standard output through print functions that check that it was written.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

#include "client/cli/json_text.h"
#include "pannier/client.h"

namespace pannier::cli {

/// Exit codes of the command; --help documents them.
enum class ExitCode {
  kOk = 0,
  kMiss = 1,          ///< nothing there: a miss, a condition that did not hold, `false`
  kUsage = 2,         ///< the command line, or a value on it, is wrong
  kServerError = 3,   ///< the daemon answered with an error
  kNoConnection = 4,  ///< cannot connect, the connection ended, or time ran out
  kLocal = 5,         ///< a file, standard output, or the COMMAND of `lease` failed
  kIncomplete = 6,    ///< saved, but not what could not be read
};

/// Ends the command with a message for people and an exit code.
class Failed : public std::runtime_error {
 public:
  Failed(ExitCode code, const std::string& text) : std::runtime_error(text), code_(code) {}
  ExitCode code() const { return code_; }

 private:
  ExitCode code_;
};

struct GlobalOptions {
  std::string socket;  ///< empty: $PANNIER_SOCKET or the default
  std::optional<std::chrono::milliseconds> timeout;
  bool json = false;
};

class Session {
 public:
  GlobalOptions& options() { return options_; }
  bool json() const { return options_.json; }
  /// Of a client as the options say.
  ClientOptions client_options() const;
  /// Made with these when it is first asked for.
  Client& client();

  /// Writes to standard output, at the latest with the next flush(). Failed (kLocal): it cannot be written.
  void print(std::string_view text);
  void flush();
  void print_line(std::string_view text);
  /// As one line.
  void print_json(const JsonText& value);
  /// The same, of an object.
  void print_json(std::initializer_list<std::pair<const char*, JsonText>> fields);

  /// How the command ends.
  void finish(ExitCode code) { exit_code_ = code; }
  /// kOk if `is_there`, else kMiss.
  void finish_if(bool is_there) { finish(is_there ? ExitCode::kOk : ExitCode::kMiss); }
  ExitCode exit_code() const { return exit_code_; }

 private:
  GlobalOptions options_;
  std::optional<Client> client_;
  ExitCode exit_code_ = ExitCode::kOk;
};

}  // namespace pannier::cli
