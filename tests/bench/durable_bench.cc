// What the durable tier costs: a sync, puts that wait for the disk, gets while it writes, gets from the disk,
// a restart.
#include <algorithm>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "tests/bench/durable.h"
#include "tests/bench/loader.h"
#include "tests/bench/program.h"
#include "tests/bench/table.h"

namespace pannier::bench {
namespace {

/// What an entry of 100 bytes takes in memory, and more.
constexpr std::uint64_t kEntryBytesMax = 400;
constexpr std::uint64_t kMemoryBytesMin = std::uint64_t{1} << 30;

}  // namespace

ServerOptions only_on_sync(std::uint64_t entries) {
  const std::uint64_t dirty = std::max(entries * kEntryBytesMax, kMemoryBytesMin);
  return {.memory_bytes = dirty * 3 / 2,
          .arguments = {"--max-dirty", std::to_string(dirty), "--checkpoint-bytes", std::to_string(dirty),
                        "--checkpoint-interval", "24h"}};
}

ServerOptions with_appendonly(const std::string& fsync) {
  return {.memory_bytes = std::uint64_t{4} << 30,
          .arguments = {"--appendonly", "yes", "--appendfsync", fsync, "--maxmemory-policy", "noeviction"}};
}

void fill(const Server& server, std::uint64_t entries) {
  const std::string what = std::string(peer_name(server.peer())) + ": filling";
  Loader loader(server, {.cache = std::string(kDurable)});
  const auto stored = loader.put({.count = entries, .value_bytes = kDurableValueBytes}, std::nullopt, what);
  if (stored != entries) throw std::runtime_error(what + ": " + loader.refusal());
}

}  // namespace pannier::bench

int main(int argc, char** argv) {
  using namespace pannier::bench;
  using Measure = void (*)(const DurableOptions&, nlohmann::json&);
  const std::vector<std::pair<std::string, Measure>> all{{"sync", measure_sync},
                                                         {"put", measure_put},
                                                         {"gets", measure_gets},
                                                         {"cold", measure_cold},
                                                         {"restart", measure_restart}};
  std::vector<std::string> scenarios;
  for (const auto& [name, measure] : all) scenarios.push_back(name);
  const std::vector<std::string> known = scenarios;
  DurableOptions options;
  std::string directory = "/tmp";
  Program program("durable", "What the durable tier costs, beside LevelDB itself and Redis.",
                  "durable_bench --entries 200000 --repeats 5 --scenarios sync put");
  program.options().add_option("--entries", options.entries, "How many are synced, and restarted [1000000]");
  program.options().add_option("--many-entries", options.many_entries,
                               "How many are synced beside gets, and read from disk [5000000]");
  program.options()
      .add_option("--repeats", options.repeats, "How often all is measured [3]")
      ->check(CLI::Range(1, 100));
  program.options()
      .add_option("--seconds", options.seconds, "How long the puts of each go on [5]")
      ->check(CLI::Range(1, 600));
  program.options().add_option("--cold-gets", options.cold_gets,
                               "How many gets of the scenario cold [100000]");
  program.options()
      .add_option("--directory", directory, "On the disk that is to be measured [/tmp]")
      ->check(CLI::ExistingDirectory);
  program.options()
      .add_option("--scenarios", scenarios, "Of sync, put, gets, cold, restart; all unless given")
      ->check(CLI::IsMember(known));
  return program.run(argc, argv, [&](nlohmann::json& results) {
    ::setenv("TMPDIR", directory.c_str(), 1);
    results["entries"] = options.entries;
    results["many_entries"] = options.many_entries;
    for (const auto& [name, measure] : all) {
      if (std::count(scenarios.begin(), scenarios.end(), name) > 0) measure(options, results[name]);
    }
  });
}
