// How much of the memory limit holds live entries, and what a put costs, while the sizes of entries shift.
#include <cstdio>

#include "tests/bench/program.h"
#include "tests/bench/shifting.h"

namespace pannier::bench {

std::vector<ShiftPhase> shift_phases(std::uint64_t limit_bytes) {
  const std::uint64_t small = limit_bytes * 5'000'000 >> 29;
  const std::uint64_t large = limit_bytes * 1'200'000 >> 29;
  return {{0, small, 64}, {small, large, 1024}, {small + large, small, 64}};
}

}  // namespace pannier::bench

int main(int argc, char** argv) {
  using namespace pannier::bench;
  ShiftOptions options;
  std::vector<std::string> parts{"servers", "storage", "random"};
  Program program("shifting",
                  "Memory in use, and what a put evicts and moves, while the sizes of entries shift.",
                  "shifting_bench --part servers --limit 128 --servers pannier memcached");
  program.options()
      .add_option("--part", parts,
                  "servers: three phases through servers; storage: the same in the process; random: 20 "
                  "phases of many "
                  "sizes in the process; all unless given")
      ->check(CLI::IsMember({"servers", "storage", "random"}));
  program.options()
      .add_option("--limit", options.limit_mib, "Memory limit of the three phases in MiB [512]")
      ->check(CLI::Range(16, 16384));
  program.options().add_option("--puts", options.puts, "At most, of the part random [60000000]");
  program.options().add_option("--servers", options.servers,
                               "Of pannier, redis, memcached; all unless given");
  return program.run(argc, argv, [&](nlohmann::json& results) {
    for (const auto& part : parts) {
      if (part == "servers") shift_servers(options, results[part]);
      if (part == "storage") shift_storage(options, results[part]);
      if (part == "random") shift_storage_at_random(options, results[part]);
      std::printf("\n");
    }
  });
}
