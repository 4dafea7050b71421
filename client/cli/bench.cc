// pannier bench
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <fstream>
#include <memory>
#include <string>

#include "client/cli/bench_report.h"
#include "client/cli/command.h"
#include "client/cli/human.h"
#include "client/cli/progress.h"
#include "client/cli/signals_noted.h"
#include "client/load/generator.h"
#include "client/load/rpc_dialect.h"

namespace pannier::cli {

namespace {

constexpr std::uint64_t kConnectionsMax = 900;  ///< files that a process may usually open
constexpr std::uint64_t kDepthMax = 1'024;
constexpr std::uint64_t kKeysMax = 10'000'000;
constexpr std::uint64_t kBenchValueBytesMax = std::uint64_t{1} << 30;
constexpr std::uint64_t kUnderWayBytesMax = std::uint64_t{512} << 20;
constexpr std::uint64_t kFillBytes = std::uint64_t{4} << 20;
/// Of an entry beside its value, about.
constexpr std::uint64_t kOverheadBytes = 64;

struct Given {
  std::string cache = "pannier.bench";
  std::optional<std::uint64_t> connections = 16;
  std::optional<std::uint64_t> depth = 16;
  std::optional<std::uint64_t> value_bytes = 64;
  std::optional<std::uint64_t> keys = 10'000;
  std::optional<std::chrono::milliseconds> time = std::chrono::seconds(3);
  load::Mix mix = load::Mix::kGet;
  load::KeyChoice choice = load::KeyChoice::kZipf;
};

/// A cache of the benchmark's own, which it does not leave behind.
class OwnCache {
 public:
  OwnCache(Client& client, const Given& given) : client_(client), name_(given.cache) {
    const bool is_there = client.info().caches.contains(name_);
    const std::uint64_t reserved_bytes = *given.keys * (*given.value_bytes + kOverheadBytes);
    if (!is_there && client.open(name_, {.reserved_bytes = reserved_bytes})) return;
    throw Failed(ExitCode::kMiss,
                 "there is a cache \"" + name_ +
                     "\" already: another pannier bench uses it, or was killed. Take another " +
                     "name with --cache, or drop it");
  }
  ~OwnCache() {
    try {
      client_.drop(name_);
    } catch (const Error& error) {
      std::fprintf(stderr, "pannier: cannot drop %s: %s\n", name_.c_str(), error.what());
    }
  }
  OwnCache(const OwnCache&) = delete;
  OwnCache& operator=(const OwnCache&) = delete;

 private:
  Client& client_;
  std::string name_;
};

void check_range(const char* name, std::uint64_t value, std::uint64_t most) {
  if (value >= 1 && value <= most) return;
  throw Failed(ExitCode::kUsage, std::string(name) + " has to be from 1 to " + human_count(most) + ", not " +
                                     human_count(value));
}

void check(const Given& given) {
  check_range("--connections", *given.connections, kConnectionsMax);
  check_range("--depth", *given.depth, kDepthMax);
  check_range("--keys", *given.keys, kKeysMax);
  const bool is_many = given.mix == load::Mix::kGetMany;
  check_range("--value-size", *given.value_bytes, is_many ? load::kManyValueBytesMax : kBenchValueBytesMax);
  check_range("--for", static_cast<std::uint64_t>(given.time->count()), 3'600'000);
  const std::uint64_t bytes =
      *given.connections * *given.depth * load::keys_of(given.mix) * *given.value_bytes;
  if (bytes > kUnderWayBytesMax) {
    throw Failed(ExitCode::kUsage, "values under way at once would be " + human_bytes(bytes) +
                                       ", more than " + human_bytes(kUnderWayBytesMax) +
                                       ": take fewer connections or less depth");
  }
}

/// The daemon's process, if it is one that can be seen from here.
pid_t visible_process(std::uint64_t pid) {
  std::ifstream name("/proc/" + std::to_string(pid) + "/comm");
  std::string comm;
  clockid_t clock{};
  const auto process = static_cast<pid_t>(pid);
  return std::getline(name, comm) && comm == "pannierd" && ::clock_getcpuclockid(process, &clock) == 0
             ? process
             : 0;
}

BenchShape shape_of(const Given& given) {
  return {*given.connections, *given.depth, *given.value_bytes, *given.keys, given.mix, given.choice};
}

class Bench {
 public:
  Bench(Session& session, const Given& given)
      : given_(given),
        entries_(static_cast<std::uint32_t>(*given.keys), *given.value_bytes),
        dialect_(entries_, given.cache) {
    options_.socket_path =
        session.options().socket.empty() ? default_socket_path() : session.options().socket;
    options_.connections = static_cast<std::uint32_t>(*given.connections);
    options_.depth = static_cast<std::uint32_t>(*given.depth);
    options_.measured_s = static_cast<double>(given.time->count()) / 1e3;
    options_.server = visible_process(session.client().hello().pid);
  }

  void fill() {
    Progress progress("filling", entries_.count());
    const auto step =
        static_cast<std::uint32_t>(std::max<std::uint64_t>(1, kFillBytes / *given_.value_bytes));
    auto options = options_;
    options.connections = 1;
    options.depth = 64;
    for (std::uint32_t first = 0; first < entries_.count() && SignalsNoted::caught() == 0; first += step) {
      const auto end = first + std::min(step, entries_.count() - first);
      load::run_once(dialect_, load::Tape::of_puts(dialect_, first, end), options);
      progress.reached(end, end * *given_.value_bytes);
    }
  }

  load::Measured measure() {
    const auto tape = load::Tape::of_load(dialect_, entries_, given_.mix, given_.choice);
    const bool is_terminal = ::isatty(STDERR_FILENO) == 1;
    options_.goes_on = [&](double measured_s) {
      if (is_terminal)
        std::fprintf(stderr, "\r\x1b[Kmeasuring: %.1f of %.1f s", measured_s, options_.measured_s);
      return SignalsNoted::caught() == 0;
    };
    auto measured = load::run_load(dialect_, tape, options_);
    if (is_terminal) std::fputs("\r\x1b[K", stderr);
    return measured;
  }

  bool sees_server() const { return options_.server != 0; }

 private:
  const Given& given_;
  load::Entries entries_;
  load::RpcDialect dialect_;
  load::LoadOptions options_;
};

void bench(Session& session, const Given& given) {
  check(given);
  const SignalsNoted signals;
  Bench bench(session, given);
  const OwnCache cache(session.client(), given);
  try {
    bench.fill();
    const auto measured = bench.measure();
    if (SignalsNoted::caught() != 0) return;
    print_bench(session, shape_of(given), measured, bench.sees_server());
    session.flush();
  } catch (const load::NoConnection& fault) {
    throw Failed(ExitCode::kNoConnection, fault.what());
  } catch (const load::Fault& fault) {
    throw Failed(ExitCode::kServerError, fault.what());
  }
}

}  // namespace

void add_bench(Arguments& arguments, Session& session) {
  const auto given = std::make_shared<Given>();
  arguments.count("--connections", given->connections, "COUNT", "How many connections [16]");
  arguments.count("--depth", given->depth, "COUNT", "How many requests under way on each [16]");
  arguments.size("--value-size", given->value_bytes, "How large the values are [64]");
  arguments.count("--keys", given->keys, "COUNT", "How many entries there are [10000]");
  arguments.word(
      "--mix", {"get", "90/10", "get_many", "put", "put_ttl"}, false,
      [given](std::size_t position) { given->mix = static_cast<load::Mix>(position); },
      "What is asked: gets, nine gets to a put, gets of 100 keys, puts, puts with a ttl [get]");
  arguments.word(
      "--choice", {"zipf", "uniform"}, false,
      [given](std::size_t position) {
        given->choice = position == 0 ? load::KeyChoice::kZipf : load::KeyChoice::kUniform;
      },
      "Which keys: few much more often than others, or all alike [zipf]");
  arguments.duration("--for", given->time, "How long it measures [3s]");
  arguments.text("--cache", given->cache, "NAME", "The cache that it opens and drops [pannier.bench]");
  arguments.help(
      R"(Opens a cache of its own, fills it, asks for its entries over and over, and drops it. It reserves memory for the
entries (keys x (value size + 64)), for which other caches may have to evict, and keeps the daemon as busy as it
can be: others wait. Every reply is looked at; a wrong one ends it with exit code 3. A processor that this command
takes whole (100 %) is what is measured then, not the daemon.

Exit code 1 if there is a cache of that name already.

Examples:
  pannier bench
  pannier bench --connections 64 --depth 1 --value-size 1K --mix 90/10 --for 10s)");
  arguments.run([&session, given] { bench(session, *given); });
}

}  // namespace pannier::cli
