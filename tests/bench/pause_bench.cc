// How long one get takes at most while the server does something large: while millions of entries expire at
// one moment in a storm of puts, during a clear, during a drop; beside the same gets when the server has
// nothing else to do.
//
// The server has a processor of its own, and the getter with the storm another one, where there are two. Both
// go before other programs of the machine where they may (root).
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <exception>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "protocol/writer.h"
#include "tests/bench/getter.h"
#include "tests/bench/loader.h"
#include "tests/bench/peers.h"
#include "tests/bench/processors.h"
#include "tests/bench/program.h"
#include "tests/bench/rounds.h"
#include "tests/bench/table.h"

namespace pannier::bench {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr double kTargetMs = 2;
constexpr int kStormers = 2;
constexpr std::uint64_t kStormFirst = 1'000'000'000;
constexpr std::uint64_t kStormEntries = 500'000;
constexpr milliseconds kIdle{3000};
constexpr milliseconds kBefore{500};
constexpr milliseconds kAfter{2000};
/// Around the deadline of all entries.
constexpr milliseconds kStormBefore{1500};
constexpr milliseconds kStormAfter{4000};

struct Options {
  std::uint64_t entries = 5'000'000;
  std::uint64_t repeats = 3;
  std::vector<std::string> servers;
  std::vector<std::string> scenarios{"storm", "clear", "drop", "expire"};

  bool wants(const std::string& scenario) const { return std::ranges::count(scenarios, scenario) > 0; }
};

const std::string kIdleScenario = "idle";
const std::string kStormScenario = "storm of puts alone";

/// What one server did in one repetition, by scenario.
using Run = std::vector<std::pair<std::string, Latencies>>;

/// Connections that put as fast as they are answered, up to 64 of them under way each, into the cache that is
/// filled.
class Storm {
 public:
  Storm(const Server& server, int processor) {
    for (int i = 0; i < kStormers; ++i) {
      threads_.emplace_back([this, &server, processor, i] {
        pin_thread(processor);
        Loader loader(server, {.batch_entries = 32, .many_max = 1});
        const std::uint64_t first = kStormFirst + static_cast<std::uint64_t>(i) * kStormEntries;
        for (std::uint64_t at = 0; !is_over_; at = (at + 320) % kStormEntries) {
          puts_ += loader.put({.first = first + at, .count = 320});
        }
      });
    }
  }
  ~Storm() {
    is_over_ = true;
    for (auto& thread : threads_) thread.join();
  }
  std::uint64_t puts() const { return puts_; }

 private:
  std::atomic<bool> is_over_ = false;
  std::atomic<std::uint64_t> puts_ = 0;
  std::vector<std::thread> threads_;
};

std::string pannier_of_cache(std::string_view method) {
  std::string params;
  protocol::Writer writer(params);
  writer.array(1);
  writer.string(kCache);
  return pannier_request(method, params);
}

class Repetition {
 public:
  Repetition(Peer peer, const Options& options)
      : peer_(peer),
        options_(options),
        server_(peer,
                {.memory_bytes = std::uint64_t{4} << 30, .processor = server_processor(), .is_urgent = true}),
        loader_(server_) {}

  /// Throws std::runtime_error, with the server's log, if it ends in between.
  Run run() {
    try {
      measure();
    } catch (const std::exception& error) {
      throw std::runtime_error(std::string(peer_name(peer_)) + ": " + error.what() + '\n' + server_.log());
    }
    return std::move(run_);
  }

 private:
  void measure() {
    loader_.open();
    watch(kIdleScenario, [] { std::this_thread::sleep_for(kIdle); });
    fill(std::nullopt);
    if (options_.wants("storm")) watch(kStormScenario, [&] { storm_for(kIdle); });
    if (options_.wants("clear")) erase_all();
    if (options_.wants("drop") && peer_ != Peer::kMemcached) drop();
    if (options_.wants("expire")) expire();
  }

  template <typename Work>
  void watch(const std::string& scenario, const Work& work) {
    progress(std::string(peer_name(peer_)) + ": " + scenario);
    Getter getter(server_, load_processor(), "lru");
    std::this_thread::sleep_for(kBefore);
    work();
    run_.emplace_back(scenario, getter.stop());
  }

  void watch_request(const std::string& scenario, const std::string& request) {
    watch(scenario, [&] {
      loader_.ask(request);
      std::this_thread::sleep_for(kAfter);
    });
  }

  void fill(std::optional<std::int64_t> deadline_ms) {
    const auto begin = steady_clock::now();
    const std::string what = std::string(peer_name(peer_)) + ": filling";
    const auto stored = loader_.put({.count = options_.entries}, deadline_ms, what);
    if (stored != options_.entries) throw std::runtime_error(what + ": " + loader_.refusal());
    fill_taken_ = std::chrono::duration_cast<milliseconds>(steady_clock::now() - begin);
  }

  void storm_for(milliseconds duration) const {
    const Storm storm(server_, load_processor());
    std::this_thread::sleep_for(duration);
  }

  void erase_all() {
    switch (peer_) {
      case Peer::kPannier:
        return watch_request("clear", pannier_of_cache("clear"));
      case Peer::kRedis:
        return watch_request("FLUSHALL SYNC", "FLUSHALL SYNC\r\n");
      case Peer::kMemcached:
        return watch_request("flush_all", "flush_all\r\n");
    }
  }

  /// The nearest that Redis has to a cache: a hash.
  void drop() {
    if (peer_ == Peer::kPannier) {
      fill(std::nullopt);
      watch_request("drop", pannier_of_cache("drop"));
      return loader_.open();
    }
    fill_hash();
    watch_request("DEL of a hash", "DEL hash\r\n");
    fill_hash();
    watch_request("UNLINK of a hash", "UNLINK hash\r\n");
  }

  void fill_hash() {
    progress("redis: filling a hash");
    constexpr std::uint64_t kStep = 20'000;
    for (std::uint64_t from = 0; from < options_.entries; from += kStep) {
      loader_.ask(
          "EVAL \"for i = ARGV[1], ARGV[2] do redis.call('HSET', 'hash', string.format('%016d', i), "
          "string.rep('v', 64)) end\" 0 " +
          std::to_string(from) + ' ' + std::to_string(std::min(from + kStep, options_.entries) - 1) + "\r\n");
    }
  }

  /// In about so many ms. The wall time at which the storm is to begin.
  std::int64_t fill_to_expire(std::int64_t after_ms) {
    const std::int64_t deadline_ms = (wall_now_ms() + after_ms) / 1000 * 1000;
    fill(deadline_ms);
    return deadline_ms - (kStormBefore + kBefore).count();
  }

  void expire() {
    std::int64_t begin_ms = fill_to_expire(2 * fill_taken_.count() + 5000);
    // A machine that does other things may need longer than last time: the same entries again, to expire
    // later.
    for (int tries = 1; wall_now_ms() > begin_ms; ++tries) {
      if (tries == 3) throw std::runtime_error("the fill took too long: the entries have expired");
      begin_ms = fill_to_expire(4 * fill_taken_.count() + 5000);
    }
    std::this_thread::sleep_for(milliseconds(begin_ms - wall_now_ms()));
    watch("all expire in a storm", [&] { storm_for(kStormBefore + kStormAfter); });
  }

  Peer peer_;
  const Options& options_;
  Server server_;
  Loader loader_;
  milliseconds fill_taken_{0};
  Run run_;
};

std::string list_of(const std::vector<double>& values) {
  std::string text;
  for (const double value : values) text += (text.empty() ? "" : " ") + number(value, 2);
  return text;
}

void tell(Table& table, nlohmann::json& results, Peer peer, const std::vector<Run>& runs) {
  for (std::size_t i = 0; i < runs.front().size(); ++i) {
    const std::string& scenario = runs.front()[i].first;
    std::vector<double> max_ms;
    std::vector<double> p999_ms;
    std::vector<double> excess_ms;
    for (const auto& run : runs) {
      max_ms.push_back(run[i].second.max_ms);
      p999_ms.push_back(run[i].second.p999_ms);
      excess_ms.push_back(run[i].second.max_ms - run.front().second.max_ms);
    }
    const double excess = median_of(excess_ms);
    const bool has_target = peer == Peer::kPannier && scenario != kIdleScenario && scenario != kStormScenario;
    table.add({std::string(peer_name(peer)) + ", " + scenario, number(median_of(p999_ms), 3),
               number(median_of(max_ms), 2), list_of(max_ms), i == 0 ? "" : number(excess, 2),
               has_target ? verdict(excess <= kTargetMs) : ""});
    results[std::string(peer_name(peer))][scenario] = {
        {"max_ms", max_ms}, {"p999_ms", p999_ms}, {"excess_ms", excess_ms}};
  }
}

void work(const Options& options, nlohmann::json& results) {
  Table table({"one get, in ms, while", "p99.9", "max", "all maxima", "max beyond idle", ""});
  const auto peers = peers_named(options.servers);
  std::map<Peer, std::vector<Run>> runs;
  for (std::uint64_t i = 0; i < options.repeats; ++i) {
    for (const Peer peer : peers) runs[peer].push_back(Repetition(peer, options).run());
  }
  progress("");
  results["entries"] = options.entries;
  for (const Peer peer : peers) tell(table, results, peer, runs[peer]);
  table.print();
  std::printf("target for pannier: at most %s ms beyond idle, the median of %llu\n",
              number(kTargetMs).c_str(), static_cast<unsigned long long>(options.repeats));
}

}  // namespace
}  // namespace pannier::bench

int main(int argc, char** argv) {
  using namespace pannier::bench;
  Options options;
  Program program("pause",
                  "How long one get takes at most while the server expires, clears and drops millions.",
                  "pause_bench --entries 1000000 --repeats 5 --servers pannier");
  program.options().add_option("--entries", options.entries, "How many expire or go [5000000]");
  program.options()
      .add_option("--repeats", options.repeats, "How often all is measured [3]")
      ->check(CLI::Range(1, 100));
  program.options().add_option("--servers", options.servers,
                               "Of pannier, redis, memcached; all unless given");
  program.options()
      .add_option("--scenarios", options.scenarios, "Of storm, clear, drop, expire; all unless given")
      ->check(CLI::IsMember({"storm", "clear", "drop", "expire"}));
  return program.run(argc, argv, [&](nlohmann::json& results) { work(options, results); });
}
