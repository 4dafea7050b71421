#include <cstdio>
#include <random>

#include "tests/bench/loader.h"
#include "tests/bench/peers.h"
#include "tests/bench/program.h"
#include "tests/bench/shifting.h"
#include "tests/bench/table.h"

namespace pannier::bench {
namespace {

constexpr std::size_t kSample = 50'000;

/// Bytes of keys and values that still answer, from a sample of the phase.
double live_bytes(Loader& loader, const ShiftPhase& phase, std::mt19937_64& random) {
  std::uniform_int_distribution<std::uint64_t> any(phase.first, phase.first + phase.count - 1);
  std::vector<std::uint64_t> numbers(kSample);
  for (auto& number : numbers) number = any(random);
  const double share = static_cast<double>(loader.hits(numbers, phase.value_bytes)) / kSample;
  return share * static_cast<double>(phase.count) * static_cast<double>(kKeyBytes + phase.value_bytes);
}

double live_target(const ShiftPhase& phase) {
  const double payload = static_cast<double>(kKeyBytes + phase.value_bytes);
  return kLiveTarget * payload / (payload + kOverheadBytes);
}

void shift(Peer peer, std::uint64_t limit_bytes, Table& table, nlohmann::json& results) {
  const std::string name(peer_name(peer));
  const auto limit = static_cast<double>(limit_bytes);
  const double resident_target = 1.02 * limit + (16 << 20);
  Server server(peer, {.memory_bytes = limit_bytes});
  Loader loader(server);
  loader.open();
  std::mt19937_64 random(1);
  const auto phases = shift_phases(limit_bytes);
  for (std::size_t i = 0; i < phases.size(); ++i) {
    const std::string what =
        name + ", " + std::to_string(phases[i].count) + " x " + std::to_string(phases[i].value_bytes);
    server.forget_resident_peak();
    const auto stored =
        loader.put({phases[i].first, phases[i].count, phases[i].value_bytes}, std::nullopt, what);
    const auto resident = static_cast<double>(server.resident_bytes_peak());
    double live = 0;
    for (std::size_t j = 0; j <= i; ++j) live += live_bytes(loader, phases[j], random);
    const bool is_met = resident <= resident_target && live / limit >= live_target(phases[i]);
    table.add({what, std::to_string(phases[i].count - stored), mebibytes(resident), percent(resident / limit),
               percent(live / limit), percent(live_target(phases[i])),
               peer == Peer::kPannier ? verdict(is_met) : ""});
    results[name].push_back({{"entries", phases[i].count},
                             {"value_bytes", phases[i].value_bytes},
                             {"refused", phases[i].count - stored},
                             {"resident_bytes_max", resident},
                             {"live_payload_bytes", live},
                             {"live_payload_target", live_target(phases[i]) * limit}});
  }
}

}  // namespace

void shift_servers(const ShiftOptions& options, nlohmann::json& results) {
  const std::uint64_t limit_bytes = options.limit_mib << 20;
  Table table({"limit " + mebibytes(static_cast<double>(limit_bytes)), "refused", "resident, max", "of limit",
               "live payload", "target", ""});
  for (const Peer peer : peers_named(options.servers)) shift(peer, limit_bytes, table, results);
  progress("");
  table.print();
  std::printf(
      "targets for pannier: resident at most 1.02 x limit + 16 MiB; live keys and values, of the limit: %s "
      "of what "
      "%.0f bytes an entry leave room for\n",
      percent(kLiveTarget).c_str(), kOverheadBytes);
}

}  // namespace pannier::bench
