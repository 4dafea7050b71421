// What a crowd of connections that are of no use costs those that are: gets on some hundred connections, each
// in a closed loop, without the crowd and with it, in turn. The crowd are connections that do nothing,
// clients that ask for much and read a byte a second, and clients that have sent half of a request.
//
// Told are the 99th percentile of the gets both times and their ratio, and what the process takes beside the
// memory of entries while the crowd is there, which is to stay within what its buffers may have.
#include <sys/resource.h>
#include <sys/socket.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "client/load/generator.h"
#include "client/load/rpc_dialect.h"
#include "protocol/writer.h"
#include "tests/bench/caller.h"
#include "tests/bench/loader.h"
#include "tests/bench/peers.h"
#include "tests/bench/program.h"
#include "tests/bench/requests.h"
#include "tests/bench/rounds.h"
#include "tests/bench/socket.h"
#include "tests/bench/table.h"

namespace pannier::bench {
namespace {

constexpr double kTargetTimes = 1.5;
constexpr std::size_t kLargeBytes = std::size_t{256} << 10;
constexpr std::uint64_t kLarge = 16;
constexpr std::uint64_t kLargeFirst = 1'000'000'000;
constexpr std::size_t kHalfBytes = std::size_t{512} << 10;
constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;
/// The program itself and what it keeps of what it freed, as README says.
constexpr std::uint64_t kBesideBytes = 96 * kMiB;

struct Options {
  std::uint32_t idle = 9'000;
  std::uint32_t slow = 500;
  std::uint32_t half = 100;
  std::uint32_t busy = 400;
  std::uint32_t entries = 100'000;
  std::uint64_t rounds = 5;
  double seconds = 2;
  std::uint64_t buffer_bytes = 256 * kMiB;
};

void allow_files(std::uint64_t files) {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max = std::max<rlim_t>(limit.rlim_max, files);
  if (setrlimit(RLIMIT_NOFILE, &limit) != 0 && limit.rlim_cur < files)
    throw std::runtime_error("this process may not have " + std::to_string(files) +
                             " files open (ulimit -n)");
}

/// The connections, and a thread that reads a byte a second of those that are slow.
class Crowd {
 public:
  Crowd(const Server& server, const Options& options) {
    for (std::uint32_t i = 0; i < options.idle; ++i) idle_.emplace_back(server.socket_path());
    std::string gets;
    for (std::uint64_t i = 0; i < kLarge; ++i) append_get(gets, server.peer(), key_of(kLargeFirst + i));
    for (std::uint32_t i = 0; i < options.slow; ++i) {
      slow_.emplace_back(server.socket_path());
      slow_.back().send(gets);
    }
    std::string put;
    append_put(put, server.peer(), key_of(0), std::string(kHalfBytes, 'v'));
    for (std::uint32_t i = 0; i < options.half; ++i) {
      half_.emplace_back(server.socket_path());
      half_.back().send(std::string_view(put).substr(0, put.size() / 2));
    }
    reader_ = std::thread([this] { read_slowly(); });
  }
  ~Crowd() {
    is_over_ = true;
    reader_.join();
  }
  Crowd(const Crowd&) = delete;
  Crowd& operator=(const Crowd&) = delete;

 private:
  void read_slowly() {
    while (!is_over_) {
      char byte = 0;
      // Those that were closed because all buffers were too large read nothing more.
      for (const Socket& socket : slow_) static_cast<void>(::recv(socket.fd(), &byte, 1, MSG_DONTWAIT));
      std::this_thread::sleep_for(std::chrono::seconds(1));
    }
  }

  std::vector<Socket> idle_;
  std::vector<Socket> slow_;
  std::vector<Socket> half_;
  std::atomic<bool> is_over_ = false;
  std::thread reader_;
};

class Contest {
 public:
  explicit Contest(const Options& options)
      : options_(options),
        server_(Peer::kPannier, {.memory_bytes = 64 * kMiB, .arguments = arguments(options)}),
        entries_(options.entries, 64),
        dialect_(entries_, std::string(kCache)),
        load_({.socket_path = server_.socket_path(),
               .connections = options.busy,
               .measured_s = options.seconds}) {
    Loader(server_).open();
    load::LoadOptions filling = load_;
    filling.connections = 1;
    filling.depth = 64;
    load::run_once(dialect_, load::Tape::of_puts(dialect_, 0, options.entries), filling);
    Caller caller(server_);
    for (std::uint64_t i = 0; i < kLarge; ++i) {
      std::string put;
      append_put(put, server_.peer(), key_of(kLargeFirst + i), std::string(kLargeBytes, 'v'));
      caller.ask(put);
    }
  }

  double p99_us() {
    const auto tape = load::Tape::of_load(dialect_, entries_, load::Mix::kGet, load::KeyChoice::kUniform);
    return load::run_load(dialect_, tape, load_).latencies.quantile_ns(0.99) / 1e3;
  }

  const Server& server() const { return server_; }

 private:
  static std::vector<std::string> arguments(const Options& options) {
    const std::uint32_t all = options.idle + options.slow + options.half + options.busy + 64;
    return {"--max-connections", std::to_string(all), "--max-buffers", std::to_string(options.buffer_bytes)};
  }

  const Options& options_;
  Server server_;
  load::Entries entries_;
  load::RpcDialect dialect_;
  load::LoadOptions load_;
};

void work(const Options& options, nlohmann::json& results) {
  allow_files(options.idle + options.slow + options.half + options.busy + 256);
  Contest contest(options);
  std::vector<double> without;
  std::vector<double> with;
  std::vector<double> ratios;
  std::vector<double> beside_bytes;
  for (std::uint64_t i = 0; i < options.rounds; ++i) {
    progress("round " + std::to_string(i + 1));
    without.push_back(contest.p99_us());
    contest.server().forget_resident_peak();
    const std::uint64_t before_bytes = contest.server().resident_bytes();
    {
      const Crowd crowd(contest.server(), options);
      with.push_back(contest.p99_us());
      beside_bytes.push_back(static_cast<double>(contest.server().resident_bytes_peak()) -
                             static_cast<double>(before_bytes));
    }
    ratios.push_back(with.back() / without.back());
  }
  progress("");
  const double budget = static_cast<double>(options.buffer_bytes + kBesideBytes);
  const double most = *std::ranges::max_element(beside_bytes);
  Table table({"a crowd", "without", "with", "ratio", "spread", ""});
  table.add({"p99 of a get, us", number(median_of(without)), number(median_of(with)),
             number(median_of(ratios), 2), spread_of(ratios, 2), verdict(median_of(ratios) <= kTargetTimes)});
  table.add({"memory that comes with it", "", mebibytes(most), number(most / budget, 2), "",
             verdict(most <= budget)});
  table.print();
  std::printf(
      "%u connections that do nothing, %u that ask for 4 MiB and read a byte a second, %u with half a "
      "request;\n"
      "gets on %u connections; ok: p99 is at most %s times as large with the crowd, and memory grows by no "
      "more\n"
      "than its buffers may have and what the program keeps; medians of %llu\n",
      options.idle, options.slow, options.half, options.busy, number(kTargetTimes).c_str(),
      static_cast<unsigned long long>(options.rounds));
  results = {
      {"without_p99_us", without}, {"with_p99_us", with}, {"ratio", ratios}, {"memory_bytes", beside_bytes}};
}

void add_options(CLI::App& app, Options& options) {
  app.add_option("--idle", options.idle, "Connections that do nothing [9000]");
  app.add_option("--slow", options.slow, "Slow readers [500]");
  app.add_option("--half", options.half, "Half requests [100]");
  app.add_option("--busy", options.busy, "Connections that are measured [400]")->check(CLI::Range(1, 10'000));
  app.add_option("--rounds", options.rounds, "How often all is measured [5]")->check(CLI::Range(1, 100));
  app.add_option("--seconds", options.seconds, "How long each time [2]")->check(CLI::Range(0.1, 600.0));
}

}  // namespace
}  // namespace pannier::bench

int main(int argc, char** argv) {
  using namespace pannier::bench;
  Options options;
  Program program("crowd", "What thousands of connections of no use cost those that are of use.",
                  "crowd_bench --rounds 3 --seconds 1");
  add_options(program.options(), options);
  return program.run(argc, argv, [&](nlohmann::json& results) { work(options, results); });
}
