// pannier top
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "client/cli/command.h"
#include "client/cli/explain.h"
#include "client/cli/signals_noted.h"
#include "client/cli/top_figures.h"
#include "client/cli/top_latency.h"
#include "client/cli/top_screen.h"
#include "client/cli/top_view.h"
#include "pannier/detail/result.h"
#include "pannier/value.h"

namespace pannier::cli {

namespace {

using Clock = std::chrono::steady_clock;

/// A daemon that does not answer must not keep keys waiting for long.
constexpr auto kPatience = std::chrono::milliseconds(1'000);
constexpr auto kIntervalMin = std::chrono::milliseconds(100);

struct Given {
  std::optional<std::chrono::milliseconds> interval = std::chrono::milliseconds(2'000);
  TopSort sort = TopSort::kRequests;
  bool is_once = false;
};

/// Looks at the daemon, again and again.
class Looks {
 public:
  explicit Looks(Client& client) : client_(client) {}

  /// An Error of libpannier: there is no answer, and what was seen before is forgotten.
  TopFigures look() {
    const auto before = std::exchange(last_, std::nullopt);
    const auto answer = ask();
    const auto at = Clock::now();
    Look now{detail::read_info(answer), read_method_times(answer)};
    const double seconds = before ? std::chrono::duration<double>(at - last_at_).count() : 0;
    auto figures = figures_between(before ? *before : now, now, seconds);
    last_ = std::move(now);
    last_at_ = at;
    return figures;
  }

 private:
  std::string ask() {
    try {
      return client_.call("info", pack(std::vector{std::map<std::string, bool>{{"buckets", true}}}));
    } catch (const ServerError& error) {
      if (error.code() != ErrorCode::kBadRequest) throw;
      // A daemon of an earlier release, not restarted yet, knows no such option.
      return client_.call("info", pack(std::vector<std::string>()));
    }
  }

  Client& client_;
  std::optional<Look> last_;
  Clock::time_point last_at_;
};

void print_once(Session& session, const Given& given) {
  Looks looks(session.client());
  looks.look();
  std::this_thread::sleep_for(*given.interval);
  const auto figures = looks.look();
  if (session.json()) return session.print_json(top_json(figures));
  for (const auto& line : top_lines(figures, given.sort, 0)) session.print_line(line.text);
}

/// What there is to see: figures, or why there are none.
class View {
 public:
  View(Session& session, TopScreen& screen, TopSort sort)
      : session_(session), screen_(screen), looks_(session.client()), sort_(sort) {}

  void look() {
    try {
      figures_ = looks_.look();
      fault_.clear();
    } catch (const Error& error) {
      fault_ = explained(error, session_.options().socket);
    }
  }

  void sort_by(TopSort sort) { sort_ = sort; }

  void draw() {
    screen_.draw(fault_.empty() ? top_lines(*figures_, sort_, screen_.lines_max()) : fault_lines(),
                 top_keys_line(sort_));
  }

 private:
  std::vector<TopLine> fault_lines() const {
    std::vector<TopLine> lines = {{"No answer; trying again.", TopLine::Kind::kAlert}, {}};
    for (std::size_t start = 0; start < fault_.size();) {
      const auto end = std::min(fault_.find('\n', start), fault_.size());
      lines.push_back({fault_.substr(start, end - start)});
      start = end + 1;
    }
    return lines;
  }

  Session& session_;
  TopScreen& screen_;
  Looks looks_;
  TopSort sort_;
  std::optional<TopFigures> figures_;
  std::string fault_;
};

void look_on(Session& session, const Given& given) {
  const SignalsNoted signals;
  TopScreen screen;
  View view(session, screen, given.sort);
  for (auto next = Clock::now(); !screen.is_gone() && SignalsNoted::caught() == 0;) {
    if (Clock::now() >= next) {
      view.look();
      next = Clock::now() + *given.interval;
    }
    view.draw();
    const auto key = screen.wait_for_key(next);
    if (key == 'q') break;
    if (const auto sort = key ? top_sort_of(*key) : std::nullopt) view.sort_by(*sort);
  }
  // That is how one leaves such a view.
  if (SignalsNoted::caught() == SIGINT) SignalsNoted::forget();
}

void top(Session& session, const Given& given) {
  if (*given.interval < kIntervalMin) throw Failed(ExitCode::kUsage, "--interval is 100ms or more");
  const bool is_terminal = ::isatty(STDIN_FILENO) == 1 && ::isatty(STDOUT_FILENO) == 1;
  if (given.is_once || session.json() || !is_terminal) return print_once(session, given);
  if (!session.options().timeout) session.options().timeout = kPatience;
  look_on(session, given);
}

}  // namespace

void add_top(Arguments& arguments, Session& session) {
  const auto given = std::make_shared<Given>();
  arguments.duration("--interval", given->interval, "How far apart two looks are [2s]");
  arguments.word(
      "--sort", top_sort_words(), false,
      [given](std::size_t position) { given->sort = static_cast<TopSort>(position); },
      "What the caches are sorted by [requests]");
  arguments.flag("--once", given->is_once, "Look twice, print what was seen, and end");
  arguments.help(
      R"(Rates are those between two looks, latencies those of the answers between them. The keys stand in the last line:
a letter sorts by what it begins, q ends. A daemon that goes away is tried again. Where standard input or output
is no terminal, and with --json, --once is what it does.

Examples:
  pannier top --interval 500ms
  pannier top --once --json | jq .requests_per_s)");
  arguments.run([&session, given] { top(session, *given); });
}

}  // namespace pannier::cli
