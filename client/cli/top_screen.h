// TopScreen: the terminal, for as long as `pannier top` has it: the alternate screen, keys without Enter, no
// cursor. What it was is restored when this goes, and while the process is stopped (Ctrl-Z). The one place
// that knows ncurses. One at a time; standard input and output have to be a terminal.
#pragma once

#include <signal.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "client/cli/top_view.h"

struct screen;  // of ncurses

namespace pannier::cli {

class TopScreen {
 public:
  /// Failed (kLocal): what $TERM names is not known. Signals that end the program are to be noted already;
  /// from here on they, and changes of the size, arrive only during wait_for_key().
  TopScreen();
  ~TopScreen();
  TopScreen(const TopScreen&) = delete;
  TopScreen& operator=(const TopScreen&) = delete;

  /// Between head and foot of draw(), on the screen as it is now.
  std::size_t lines_max() const;
  /// Shows the lines from the top, cut at the right edge, and `keys` in the last line.
  void draw(const std::vector<TopLine>& lines, const std::string& keys);

  /// Returns after a key, a change of the size, a signal, or at `until`, whatever is first. Nothing: it was
  /// no key.
  std::optional<char> wait_for_key(std::chrono::steady_clock::time_point until);
  /// Nobody will press a key any more.
  bool is_gone() const { return is_gone_; }

 private:
  std::unique_ptr<screen, void (*)(screen*)> screen_;
  sigset_t mask_before_;
  bool is_gone_ = false;
};

}  // namespace pannier::cli
