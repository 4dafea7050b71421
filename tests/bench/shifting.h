// What shifting_bench measures while the sizes of entries shift: through servers, and at the interface of
// storage.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace pannier::bench {

/// So many bytes of an entry's own are allowed to come with key and value, and so much of what that leaves is
/// to be used.
inline constexpr double kOverheadBytes = 48;
inline constexpr double kLiveTarget = 0.85;

struct ShiftOptions {
  std::uint64_t limit_mib = 512;    ///< of the servers; the entries of their phases go with it
  std::uint64_t puts = 60'000'000;  ///< at most, of the 20 phases in storage
  std::vector<std::string> servers;
};

/// One phase: fresh keys, all values of one size.
struct ShiftPhase {
  std::uint64_t first;
  std::uint64_t count;
  std::size_t value_bytes;
};

/// Small, large, small: each more than the memory takes. Their entries go with the limit: 5, 1.2 and 5
/// million at 512 MiB.
std::vector<ShiftPhase> shift_phases(std::uint64_t limit_bytes);

void shift_servers(const ShiftOptions& options, nlohmann::json& results);
/// The same phases, and what each put costs in evictions.
void shift_storage(const ShiftOptions& options, nlohmann::json& results);
/// 20 phases of sizes from 48 bytes to 16 MiB, with overwrites and deletes, within 256 MiB.
void shift_storage_at_random(const ShiftOptions& options, nlohmann::json& results);

}  // namespace pannier::bench
