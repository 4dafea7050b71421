// Whether anything that one client does is long for another one: gets on a connection of their own, one after
// the other, without and with a neighbor.
//
// The server has a processor of its own, and the getter with the neighbor another one, where there are two;
// the getter goes before the neighbor, and both before other programs of the machine where they may (root).
// The getter waits for each answer, so that one step of the server's delays one get, however long it is: the
// share of the time in which a get was held up says how often that would meet somebody.
#include <algorithm>
#include <cstdio>
#include <exception>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "tests/bench/getter.h"
#include "tests/bench/loader.h"
#include "tests/bench/neighbors.h"
#include "tests/bench/peers.h"
#include "tests/bench/processors.h"
#include "tests/bench/program.h"
#include "tests/bench/rounds.h"
#include "tests/bench/table.h"

namespace pannier::bench {
namespace {

using std::chrono::milliseconds;

constexpr double kTargetTimes = 2;
constexpr double kTargetBeyondMs = 1;
/// For what the last neighbor left to do.
constexpr milliseconds kBetween{300};

struct Options {
  std::uint64_t entries = 10'000'000;
  std::uint64_t repeats = 3;
  double seconds = 2;
  std::uint64_t memory_bytes = std::uint64_t{2} << 30;
  std::vector<std::string> servers{"pannier", "redis"};
  std::vector<std::string> scenarios = neighbor_scenarios();
};

/// What the getter met, by repeats.
struct Met {
  std::vector<double> p50_ms;
  std::vector<double> p99_ms;
  std::vector<double> p999_ms;
  std::vector<double> max_ms;

  void add(const Latencies& latencies) {
    p50_ms.push_back(latencies.p50_ms);
    p99_ms.push_back(latencies.p99_ms);
    p999_ms.push_back(latencies.p999_ms);
    max_ms.push_back(latencies.max_ms);
  }
  nlohmann::json json() const {
    return {{"p50_ms", p50_ms}, {"p99_ms", p99_ms}, {"p999_ms", p999_ms}, {"max_ms", max_ms}};
  }
};

/// One row.
struct Side {
  std::string server;
  NeighborKind kind;
  Met without{};
  Met with{};
  std::vector<double> held_up{};   ///< share of the time
  std::vector<double> rounds_s{};  ///< of the neighbor
};

double allowed_ms(double without_ms) { return kTargetTimes * without_ms + kTargetBeyondMs; }

/// A server and all of its neighbors.
class Host {
 public:
  Host(Peer peer, const Options& options)
      : options_(options),
        server_(peer,
                {.memory_bytes = options.memory_bytes, .processor = server_processor(), .is_urgent = true}) {
    for (auto& kind : neighbors_of(peer, options.entries)) {
      if (std::ranges::count(options.scenarios, kind.scenario) > 0)
        sides_.push_back({.server = std::string(peer_name(peer)), .kind = std::move(kind)});
    }
    fill_for_neighbors(server_, options.entries);
  }

  const std::vector<Side>& sides() const { return sides_; }

  /// Throws std::runtime_error, with the server's log, if the server or a neighbor fails.
  void repeat() {
    try {
      for (auto& side : sides_) measure(side);
    } catch (const std::exception& error) {
      throw std::runtime_error(std::string(peer_name(server_.peer())) + ": " + error.what() + '\n' +
                               server_.log());
    }
  }

 private:
  void measure(Side& side) {
    progress(side.server + ": " + side.kind.name);
    const milliseconds duration(static_cast<std::int64_t>(options_.seconds * 1000));
    std::this_thread::sleep_for(kBetween);
    Getter alone(server_, load_processor(), std::string(kCache));
    std::this_thread::sleep_for(duration);
    const Latencies without = alone.stop();

    Getter getter(server_, load_processor(), std::string(kCache));
    Neighbor neighbor(side.kind, server_, load_processor());
    neighbor.run_for(duration);
    const Latencies with = getter.stop();

    side.without.add(without);
    side.with.add(with);
    side.held_up.push_back(with.share_above(allowed_ms(without.p99_ms)));
    side.rounds_s.push_back(neighbor.rounds_s());
  }

  const Options& options_;
  Server server_;
  std::vector<Side> sides_;
};

/// "0.150 (0.140 to 0.210)".
std::string median_and_spread(const std::vector<double>& repeats) {
  return number(median_of(repeats), 3) + " (" + spread_of(repeats, 3) + ')';
}

std::vector<std::string> cells_of(const std::string& name, const Met& met) {
  return {name, median_and_spread(met.p50_ms), median_and_spread(met.p99_ms), median_and_spread(met.p999_ms),
          median_and_spread(met.max_ms)};
}

void tell(Table& table, nlohmann::json& results, const Side& side) {
  const bool is_met = median_of(side.with.p99_ms) <= allowed_ms(median_of(side.without.p99_ms));
  auto with = cells_of(side.server + ", " + side.kind.name, side.with);
  with.insert(with.end(),
              {percent(median_of(side.held_up)), number(median_of(side.rounds_s), 2), verdict(is_met)});
  table.add(with);
  table.add(cells_of("  without", side.without));
  results[side.server][side.kind.name] = {{"without", side.without.json()},
                                          {"with", side.with.json()},
                                          {"held_up_share", side.held_up},
                                          {"rounds_s", side.rounds_s}};
}

void work(const Options& options, nlohmann::json& results) {
  std::vector<std::unique_ptr<Host>> hosts;
  for (const Peer peer : peers_named(options.servers)) hosts.push_back(std::make_unique<Host>(peer, options));
  for (std::uint64_t i = 0; i < options.repeats; ++i) {
    for (const auto& host : hosts) host->repeat();
  }
  progress("");
  Table table({"one get, in ms", "p50", "p99", "p99.9", "max", "held up", "a second", ""});
  results["entries"] = options.entries;
  for (const auto& scenario : neighbor_scenarios()) {
    for (const auto& host : hosts) {
      for (const auto& side : host->sides()) {
        if (side.kind.scenario == scenario) tell(table, results, side);
      }
    }
  }
  table.print();
  std::printf(
      "ok: p99 is at most %s times as large as without, and %s ms; held up: the share of the time in\n"
      "which a get was under way that took longer than that; a second: what the neighbor did;\n"
      "medians of %llu, with the least and the most\n",
      number(kTargetTimes, 0).c_str(), number(kTargetBeyondMs, 0).c_str(),
      static_cast<unsigned long long>(options.repeats));
}

void add_options(CLI::App& app, Options& options) {
  app.add_option("--scenarios", options.scenarios,
                 "Of get_many, put_many, delete_many, pipeline, keys, slow, "
                 "large; all unless given")
      ->check(CLI::IsMember(neighbor_scenarios()));
  app.add_option("--servers", options.servers, "Of pannier, redis; both unless given")
      ->check(CLI::IsMember({"pannier", "redis"}));
  app.add_option("--entries", options.entries, "How many each server has [10000000]")
      ->check(CLI::Range(1'000, 100'000'000));
  app.add_option("--memory", options.memory_bytes, "Their limit, in bytes [2 GiB]")->type_name("BYTES");
  app.add_option("--repeats", options.repeats, "How often all is measured [3]")->check(CLI::Range(1, 100));
  app.add_option("--seconds", options.seconds, "How long each time, at least [2]")
      ->check(CLI::Range(0.1, 600.0));
}

}  // namespace
}  // namespace pannier::bench

int main(int argc, char** argv) {
  using namespace pannier::bench;
  Options options;
  Program program("neighbors", "How long one get takes while another client does something long or nasty.",
                  "neighbors_bench --entries 1000000 --scenarios get_many keys --servers pannier");
  add_options(program.options(), options);
  return program.run(argc, argv, [&](nlohmann::json& results) { work(options, results); });
}
