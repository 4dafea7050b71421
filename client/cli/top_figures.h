// What `pannier top` shows, as numbers: what happened between two answers of `info`, and how things stand in
// the second. Pure: nothing is asked for and nothing is drawn.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "client/cli/top_latency.h"
#include "pannier/info.h"

namespace pannier::cli {

/// What is counted from look to look, of one cache or of all.
struct Counts {
  std::uint64_t hits = 0;
  std::uint64_t misses = 0;
  std::uint64_t puts = 0;
  std::uint64_t evictions = 0;
  std::uint64_t expirations = 0;
};

struct CacheFigures {
  std::string name;
  std::string tier;
  std::uint64_t entries = 0;
  std::uint64_t used_bytes = 0;
  std::uint64_t dirty_entries = 0;
  std::string fault;  ///< why it was not written to disk last; empty if it was
  Counts counts;
};

struct TopFigures {
  /// Between the looks. 0: they are not to be compared, and all counts are 0.
  double seconds = 0;
  ServerInfo server;  ///< of the second look
  std::uint64_t requests = 0;
  Counts counts;
  std::vector<CacheFigures> caches;    ///< by name
  std::vector<MethodFigures> methods;  ///< most answers first
  std::uint64_t dirty_entries = 0;
  std::uint64_t dirty_bytes = 0;
  std::optional<std::uint64_t> oldest_dirty_ms;
};

/// An answer of `info`.
struct Look {
  Info info;
  MethodTimes times;
};

/// `seconds`: between the two. Looks at different processes are not compared. What counts less than before,
/// as a cache that was dropped and opened again does, counts from 0.
TopFigures figures_between(const Look& before, const Look& now, double seconds);

}  // namespace pannier::cli
