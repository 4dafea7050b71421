// Comparison: what every shape is told by: requests a second, latency and processor time of Pannier, and of
// the floor beside it, as multiples of a peer's.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tests/bench/standing.h"

namespace pannier::bench {

/// One figure as a multiple of a peer's.
struct Comparison {
  double Figures::*figure;
  std::string_view peer;

  bool operator==(const Comparison&) const = default;
  /// "requests/s of redis".
  std::string title() const;
};

inline constexpr std::array kComparisons{
    Comparison{&Figures::requests_s, "redis"}, Comparison{&Figures::requests_s, "memcached"},
    Comparison{&Figures::p50_us, "redis"}, Comparison{&Figures::p99_us, "redis"},
    Comparison{&Figures::server_cpu_us, "redis"}};

/// Where one contestant stands in a row.
struct Line {
  std::string contestant;
  std::array<std::optional<Ratio>, kComparisons.size()> ratios;  ///< nothing beside who did not take part
};

/// The rounds of who has this name; nullptr if it did not take part.
const std::vector<Figures>* rounds_of(const Row& row, const std::vector<Contestant>& contestants,
                                      std::string_view name);

/// Of every contestant but the peers.
std::vector<Line> lines_of(const Row& row, const std::vector<Contestant>& contestants);

}  // namespace pannier::bench
