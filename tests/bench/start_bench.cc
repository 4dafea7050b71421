// From the exec of pannierd to its first answers, over an arena full of entries that outlived the process
// before: after a clean stop, and after kill -9 in the middle of writing.
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tests/bench/loader.h"
#include "tests/bench/peers.h"
#include "tests/bench/program.h"
#include "tests/bench/rounds.h"
#include "tests/bench/table.h"

namespace pannier::bench {
namespace {

using std::chrono::steady_clock;

constexpr std::size_t kValueBytes = 64;
/// What an entry of the fill takes, so that the arena is full and little is evicted.
constexpr std::uint64_t kEntryBytes = 128;
constexpr std::uint64_t kWrittenBetween = 200'000;

struct Options {
  std::uint64_t arena_mib = 4096;
  std::uint64_t repeats = 5;
  std::string directory = "/dev/shm";
};

struct Start {
  double ping_ms;
  double get_ms;
  std::string log;
};

/// For the handler of signals, which must not leave gigabytes of memory behind.
char arena_to_remove[256];
char directory_to_remove[256];

extern "C" void remove_arena_and_end(int) {
  ::unlink(arena_to_remove);
  ::rmdir(directory_to_remove);
  ::_exit(1);
}

/// A directory of tmpfs for the arena. There is one at a time.
class ArenaFile {
 public:
  explicit ArenaFile(const std::string& directory) : directory_(directory + "/pannier-bench-XXXXXX") {
    if (!::mkdtemp(directory_.data())) throw std::runtime_error("cannot create " + directory_);
    std::snprintf(arena_to_remove, sizeof arena_to_remove, "%s", path().c_str());
    std::snprintf(directory_to_remove, sizeof directory_to_remove, "%s", directory_.c_str());
    std::signal(SIGINT, remove_arena_and_end);
    std::signal(SIGTERM, remove_arena_and_end);
  }
  ArenaFile(const ArenaFile&) = delete;
  ArenaFile& operator=(const ArenaFile&) = delete;
  ~ArenaFile() {
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
  }
  std::string path() const { return directory_ + "/arena"; }

 private:
  std::string directory_;
};

class Restarts {
 public:
  explicit Restarts(const Options& options)
      : options_(options),
        arena_(options.directory),
        server_(Peer::kPannier,
                {.memory_bytes = options.arena_mib << 20, .arguments = {"--arena-file", arena_.path()}}) {}

  void fill() {
    Loader loader(server_);
    loader.open();
    const std::uint64_t count = (options_.arena_mib << 20) / kEntryBytes;
    next_ = loader.put({.first = 0, .count = count, .value_bytes = kValueBytes}, std::nullopt, "filling");
  }

  /// Ends it after some more writes, and starts it.
  Start restart(int signal) {
    {
      Loader loader(server_);
      next_ += loader.put({.first = next_, .count = kWrittenBetween, .value_bytes = kValueBytes});
    }
    if (signal == SIGKILL) {
      end_while_writing();
    } else {
      server_.end(signal);
    }
    const auto begin = steady_clock::now();
    const auto since = [&] {
      return std::chrono::duration<double, std::milli>(steady_clock::now() - begin).count();
    };
    server_.spawn();
    server_.wait_until_served(std::chrono::microseconds(200));
    Loader loader(server_);
    loader.ask(pannier_request("ping", "\x90"));
    const double ping_ms = since();
    const bool is_there = loader.hits({next_ - 1}, kValueBytes) == 1;
    const double get_ms = since();
    if (!is_there) throw std::runtime_error("the latest entry is gone: " + server_.log());
    return {ping_ms, get_ms, server_.log()};
  }

 private:
  void end_while_writing() {
    std::thread writer([this] {
      try {
        Loader loader(server_);
        loader.put(
            {.first = std::uint64_t{1} << 40, .count = std::uint64_t{1} << 40, .value_bytes = kValueBytes});
      } catch (const std::exception&) {
        // It was killed.
      }
    });
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    server_.end(SIGKILL);
    writer.join();
  }

  const Options& options_;
  ArenaFile arena_;
  Server server_;
  std::uint64_t next_ = 0;
};

void measure(Restarts& restarts, const Options& options, const std::string& name, int signal, Table& table,
             std::string& logs, nlohmann::json& results) {
  std::vector<double> ping_ms;
  std::vector<double> get_ms;
  std::string log;
  for (std::uint64_t i = 1; i <= options.repeats; ++i) {
    progress(name + ": " + std::to_string(i) + " of " + std::to_string(options.repeats));
    const Start start = restarts.restart(signal);
    ping_ms.push_back(start.ping_ms);
    get_ms.push_back(start.get_ms);
    log = start.log;
  }
  const auto [least, most] = std::minmax_element(get_ms.begin(), get_ms.end());
  table.add({name, number(median_of(ping_ms)), number(median_of(get_ms)), number(*least), number(*most)});
  logs += "\nlog of the last start " + name + ":\n" + log;
  results[name] = {{"ping_ms", ping_ms}, {"get_ms", get_ms}, {"log", log}};
}

void work(const Options& options, nlohmann::json& results) {
  Restarts restarts(options);
  restarts.fill();
  Table table({"ms from exec, arena of " + std::to_string(options.arena_mib) + " MiB", "first ping",
               "first get", "get, least", "get, most"});
  std::string logs;
  measure(restarts, options, "after a clean stop", SIGTERM, table, logs, results);
  measure(restarts, options, "after kill -9", SIGKILL, table, logs, results);
  progress("");
  table.print();
  std::printf("%s", logs.c_str());
}

}  // namespace
}  // namespace pannier::bench

int main(int argc, char** argv) {
  using namespace pannier::bench;
  Options options;
  Program program("start", "How long pannierd takes to its first answers over an arena full of entries.",
                  "start_bench --arena 1024 --repeats 9");
  program.options()
      .add_option("--arena", options.arena_mib, "Its size in MiB [4096]")
      ->check(CLI::Range(1, 65536));
  program.options()
      .add_option("--repeats", options.repeats, "How often each start is measured [5]")
      ->check(CLI::Range(1, 1000));
  program.options().add_option("--arena-directory", options.directory,
                               "A directory of tmpfs for it [/dev/shm]");
  return program.run(argc, argv, [&](nlohmann::json& results) { work(options, results); });
}
