#include "client/cli/top_screen.h"

#include <curses.h>
#include <poll.h>

#include <algorithm>
#include <array>
#include <clocale>
#include <cstdlib>

#include "client/cli/session.h"

namespace pannier::cli {

namespace {

timespec left_until(std::chrono::steady_clock::time_point until) {
  const auto left = std::max(until - std::chrono::steady_clock::now(), std::chrono::steady_clock::duration());
  const auto seconds = std::chrono::floor<std::chrono::seconds>(left);
  return {.tv_sec = seconds.count(), .tv_nsec = std::chrono::nanoseconds(left - seconds).count()};
}

attr_t look_of(TopLine::Kind kind) {
  switch (kind) {
    case TopLine::Kind::kHeading:
      return A_REVERSE;
    case TopLine::Kind::kAlert:
      return A_BOLD;
    case TopLine::Kind::kPlain:
      break;
  }
  return A_NORMAL;
}

/// The one that $TERM names.
SCREEN* new_screen() {
  std::setlocale(LC_CTYPE, "");  // ncurses shows what is not ASCII by it
  SCREEN* found = newterm(nullptr, stdout, stdin);
  if (found != nullptr) return found;
  const char* name = std::getenv("TERM");
  throw Failed(ExitCode::kLocal, "the terminal " + std::string(name ? name : "(no $TERM)") +
                                     " is not known; --once does without");
}

void draw_line(int row, const std::string& text, attr_t look) {
  wattrset(stdscr, static_cast<int>(look));
  mvwaddnstr(stdscr, row, 0, text.c_str(), getmaxx(stdscr));
  wattrset(stdscr, A_NORMAL);
}

}  // namespace

TopScreen::TopScreen() : screen_(new_screen(), delscreen) {
  cbreak();
  noecho();
  curs_set(0);
  nodelay(stdscr, true);
  keypad(stdscr, true);
  set_escdelay(25);  // ms
  sigset_t held;
  sigemptyset(&held);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGWINCH}) sigaddset(&held, signal);
  sigprocmask(SIG_BLOCK, &held, &mask_before_);
}

TopScreen::~TopScreen() {
  endwin();
  sigprocmask(SIG_SETMASK, &mask_before_, nullptr);
}

std::size_t TopScreen::lines_max() const {
  return static_cast<std::size_t>(std::max(getmaxy(stdscr) - 1, 1));
}

void TopScreen::draw(const std::vector<TopLine>& lines, const std::string& keys) {
  werase(stdscr);
  const auto shown = std::min(lines.size(), lines_max());
  for (std::size_t row = 0; row < shown; ++row) {
    draw_line(static_cast<int>(row), lines[row].text, look_of(lines[row].kind));
  }
  draw_line(getmaxy(stdscr) - 1, keys, A_REVERSE);
  wrefresh(stdscr);
}

std::optional<char> TopScreen::wait_for_key(std::chrono::steady_clock::time_point until) {
  std::array<pollfd, 1> input = {{{.fd = 0, .events = POLLIN, .revents = 0}}};
  const timespec left = left_until(until);
  ppoll(input.data(), input.size(), &left, &mask_before_);
  is_gone_ = (input[0].revents & (POLLHUP | POLLERR | POLLNVAL)) != 0;
  // Also where there was no input: that is how ncurses takes notice of a new size.
  const int key = wgetch(stdscr);
  if (key < 0 || key > 0x7f) return std::nullopt;
  return static_cast<char>(key);
}

}  // namespace pannier::cli
