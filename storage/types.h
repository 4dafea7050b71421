// The units that all of storage counts in.
#pragma once

#include <cstdint>
#include <limits>

namespace pannier::storage {

/// Wall-clock milliseconds since the Unix epoch. Storage never asks for the time: it is told.
using TimeMs = std::int64_t;
inline constexpr TimeMs kNever = std::numeric_limits<TimeMs>::max();

/// Grows with each write of the whole daemon and is never used twice, not even after a crash. Below 2^53; 0
/// is none.
using Version = std::uint64_t;
inline constexpr Version kVersionMax = (Version{1} << 53) - 1;

/// Identifies a cache in memory and on disk; a name that is dropped and opened again gets a new one.
using CacheId = std::uint32_t;

/// Entries that differ from the disk, those on their way there included.
struct DirtyTotals {
  std::uint64_t entries = 0;
  std::uint64_t bytes = 0;  ///< charges of the entries
};

}  // namespace pannier::storage
