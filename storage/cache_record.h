// CacheRecord: all that the arena keeps of one cache beside its entries: a block that never moves. The parts
// that work on it are named beside its words.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "storage/arena_layout.h"

namespace pannier::storage {

/// Index. Homes are numbered from 0; a leaf is a block of refs of segments, a segment a block of homes.
struct IndexHead {
  static constexpr std::uint32_t kLeaves = 256;
  Word64 entries;
  Word64 homes;
  std::uint32_t blocks;            ///< leaves and segments
  std::uint32_t overflow_buckets;  ///< those that others overflow into
  std::array<Ref, kLeaves> leaves;
};

/// Deadlines.
struct WheelHead {
  static constexpr unsigned kLevels = 7;
  static constexpr unsigned kSlots = 64;
  static constexpr unsigned kLevelBits = 5;  ///< a slot is 2^5 slots of the level below
  Word64 clock;
  Word64 size;
  std::array<std::uint64_t, kLevels> used;  ///< a bit a slot: is not empty
  std::array<Ref, std::size_t{kLevels} * kSlots> slots;
};

/// In the order of CacheStats.
struct StatsWords {
  Word64 hits;
  Word64 misses;
  Word64 puts;
  Word64 deletes;
  Word64 cleared;
  Word64 evictions;
  Word64 expirations;
  Word64 shared_hits;
};

struct CacheRecord {
  enum State : std::uint32_t { kFree, kOpen, kDropped };
  static constexpr std::size_t kNameBytesMax = 255;

  std::uint32_t state;
  std::uint32_t id;
  std::uint32_t ordinal;
  std::uint32_t tier;
  std::uint32_t policy;
  std::uint32_t bounds_set;  ///< bit 0 entries_max, 1 bytes_max, 2 age_ms_max
  Word64 entries_max;
  Word64 bytes_max;
  Word64 age_ms_max;
  Word64 stale_ms;
  Word64 reserved_bytes;

  Word64 used_bytes;  ///< charges of all entries
  Word64 unwritten_entries;
  Word64 unwritten_bytes;
  Word64 disk_entries;
  Word64 beyond_disk;    ///< signed: dirty entries that are not on disk, less erased ones that are
  Word64 known_on_disk;  ///< entries in memory, tombstones too, of which the disk has a record (OnDisk::kYes)
  std::uint32_t clears;  ///< that are under way
  std::uint32_t name_bytes;
  StatsWords stats;

  std::array<ListHead, 6> lists;  ///< by Entry::List
  IndexHead index;
  WheelHead wheel;
  std::array<char, kNameBytesMax + 1> name;
};
static_assert(sizeof(CacheRecord) <= kBlockBytes);

}  // namespace pannier::storage
