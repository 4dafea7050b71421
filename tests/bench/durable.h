// What durable_bench measures, a scenario at a time: each one adds to `results` what it found and prints its
// table.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/bench/peers.h"
#include "tests/bench/rounds.h"

namespace pannier::bench {

inline constexpr std::string_view kDurable = "durable";
inline constexpr std::size_t kDurableValueBytes = 100;

struct DurableOptions {
  std::uint64_t entries = 1'000'000;
  std::uint64_t many_entries = 5'000'000;
  std::uint64_t repeats = 3;
  std::uint64_t seconds = 5;
  std::uint64_t cold_gets = 100'000;
};

void measure_sync(const DurableOptions& options, nlohmann::json& results);
void measure_put(const DurableOptions& options, nlohmann::json& results);
void measure_gets(const DurableOptions& options, nlohmann::json& results);
void measure_cold(const DurableOptions& options, nlohmann::json& results);
void measure_restart(const DurableOptions& options, nlohmann::json& results);

/// Writes only when it is told to, with room for so many entries that wait for it.
ServerOptions only_on_sync(std::uint64_t entries);
/// Redis with an append-only file.
ServerOptions with_appendonly(const std::string& fsync);
/// Fills the server, `pannier`'s tier durable. Throws std::runtime_error unless all were stored.
void fill(const Server& server, std::uint64_t entries);

template <typename Work>
double seconds_of(const Work& work) {
  const auto begin = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

}  // namespace pannier::bench
