// Cache: one named cache with its entries, its bounds, and its counters. All tiers are this class; what differs is in
// the tiers' table (settings.h) and the policies. Owned by the Catalog, which shares memory out among all caches.
//
// Storage does no I/O. A durable entry that is not in memory makes a method answer Cold, with nothing changed: load the
// key from the DurableStore, hand the result to loaded(), and call the method again.
//
// A key that is given must have 1 to 65,535 bytes: checked by the caller. Views in results are valid until the next call
// of anything that is not const, of this or any other cache.
// Thread safety: none; everything in storage but the DurableStore belongs to one thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "storage/durable_store.h"
#include "storage/settings.h"
#include "storage/types.h"

namespace pannier::storage {

/// An entry's value and what goes with it. `deadline` is kNever for none.
struct EntryView {
  std::string_view value;
  Version version;
  TimeMs deadline;
};

struct Hit {
  EntryView entry;
};
/// Past its deadline and within its stale window: a miss for everything but a lease.
struct Stale {
  EntryView entry;
};
struct Miss {};
/// Durable and not in memory: whether it is on disk is not known here.
struct Cold {};
using Lookup = std::variant<Hit, Stale, Miss, Cold>;

/// How a write or touch names its time to live.
struct Ttl {
  enum class Kind : std::uint8_t { kCacheDefault, kNone, kGiven } kind = Kind::kCacheDefault;
  std::uint64_t ms = 0;  ///< of kGiven; 0: past its deadline at once
};

struct Condition {
  enum class Kind : std::uint8_t { kAlways, kAbsent, kPresent, kVersion } kind = Kind::kAlways;
  Version version = 0;  ///< of kVersion
};

struct PutOptions {
  Ttl ttl;
  bool keep_ttl = false;                  ///< a live entry's deadline and stale window stay; else `ttl` and `stale_ms` count
  std::optional<std::uint64_t> stale_ms;  ///< nothing: the cache's
  Condition condition;
};

struct Written {
  Version version;
};
/// The condition did not hold: nothing was written.
struct NotHeld {};
/// The entry's charge exceeds what the cache or the memory limit can ever give it: nothing was written.
struct TooBig {
  std::uint64_t charge_bytes;
  std::uint64_t limit_bytes;
  bool limit_is_of_cache;  ///< its max_bytes; else what the memory limit leaves to it
};
/// Too many bytes wait for the disk (dirty_bytes_max), or pin the memory that is needed: try again after a flush.
struct DirtyFull {
  std::uint64_t dirty_bytes;
  std::uint64_t limit_bytes;
};
/// The reserved versions are used up, because the disk has failed to reserve more.
struct NoVersions {};
/// This tier cannot do that; `text` says what, in the words of the wire.
struct NotSupported {
  std::string text;
};
using PutOutcome = std::variant<Written, NotHeld, Cold, TooBig, DirtyFull, NoVersions, NotSupported>;

struct Erased {
  bool was_live;
};
using EraseOutcome = std::variant<Erased, Cold, DirtyFull>;

struct Touched {
  bool was_live;
};
using TouchOutcome = std::variant<Touched, Cold, DirtyFull, NotSupported>;

/// Counters since the cache was opened; `clear` keeps them.
struct CacheStats {
  std::uint64_t hits = 0;
  std::uint64_t misses = 0;
  std::uint64_t puts = 0;         ///< successful writes
  std::uint64_t deletes = 0;      ///< live entries erased by request, one by one
  std::uint64_t cleared = 0;      ///< live entries erased by clear
  std::uint64_t evictions = 0;    ///< entries that went for space; never of a durable cache
  std::uint64_t expirations = 0;  ///< entries that passed their deadline
};

/// A place in a walk over the entries in memory: opaque, stays good however the cache changes.
struct WalkPosition {
  std::uint64_t point = 0;
};
/// Every entry that is live from the start of a walk to its end is visited at least once.
struct WalkStep {
  std::optional<WalkPosition> next;  ///< nothing at the end
  std::uint64_t visited = 0;         ///< entries and buckets looked at, for the caller's budget
};

/// Names a clear that is under way.
using ClearId = std::uint64_t;

class Cache {
 public:
  Cache(const Cache&) = delete;
  Cache& operator=(const Cache&) = delete;

  const std::string& name() const;
  CacheId id() const;
  const Settings& settings() const;
  bool is_durable() const;

  // -- reading

  /// What is there, without a use and without counting.
  Lookup find(std::string_view key, TimeMs now);
  /// As find, and a Hit is a use and counts as a hit; Stale and Miss count as a miss. Cold counts nothing.
  Lookup get(std::string_view key, TimeMs now);
  /// As find, and Hit and Stale are a use and count as a hit. Miss and Cold count nothing: see count_miss.
  Lookup get_or_stale(std::string_view key, TimeMs now);
  /// A lease was answered without a value.
  void count_miss();

  // -- writing; each success tells the ChangeListener before it returns

  /// Why put would refuse one of these entries (key, value) whatever is evicted, or all of them together for their dirty
  /// bytes: for a request that is to be checked whole before anything is written. Nothing if it would not.
  std::optional<std::variant<TooBig, DirtyFull, NotSupported>> refusal_of(
      const std::vector<std::pair<std::string_view, std::string_view>>& entries, const PutOptions& options) const;
  /// Cold only where the condition or keep_ttl needs to know the present entry.
  PutOutcome put(std::string_view key, std::string_view value, const PutOptions& options, TimeMs now);
  EraseOutcome erase(std::string_view key, std::optional<Version> if_version, TimeMs now);
  /// kCacheDefault: the cache's age_ms_max, and without one the deadline stays. The stale window keeps its length.
  TouchOutcome touch(std::string_view key, Ttl ttl, TimeMs now);

  // -- cold keys of a durable cache

  /// The result of a load. A write that came in between wins. The entry is in memory, or known to be absent, at least
  /// until release_loaded(key): call it when those who waited for the load have run. A record past its stale window is
  /// noticed as expired. False if there is no memory for it (pinned by dirty entries): nothing changed.
  bool loaded(std::string_view key, const std::variant<Record, Absent>& result, TimeMs now);
  void release_loaded(std::string_view key);
  /// The dirty sequence that must be clean for the key's present state to be on disk; 0 if it is.
  std::uint64_t dirty_sequence(std::string_view key) const;

  // -- walks

  /// Appends keys of live entries with the prefix until `keys` has `keys_max`, or about `visits_max` entries were looked at.
  /// Of a durable cache only dirty ones: all others are on disk (scan it afterwards). Keys of equal 64-bit hash stay
  /// together, so that `keys` may get more than keys_max by those. Precondition: `keys` is not full.
  WalkStep walk(WalkPosition from, std::string_view prefix, std::uint64_t keys_max, std::uint64_t visits_max, TimeMs now,
                std::vector<std::string>& keys) const;
  /// Whether a key found on disk is to be told by a walk: not if memory knows better (erased, cleared, expired there).
  bool shows_scanned(const ScannedKey& scanned, TimeMs now) const;

  // -- clear: from clear_begin on, entries with the prefix that were there are misses for everyone; their memory is taken
  //    back in steps. Of a durable cache: begin; flush through the sequence of then; erase the range on disk with
  //    version_max = clear_version; step until done; end.

  ClearId clear_begin(std::string_view prefix, TimeMs now);
  Version clear_version(ClearId clear) const;
  /// Looks at about `visits_max` entries; true while there is more to do.
  bool clear_step(ClearId clear, std::uint64_t visits_max);
  /// `erased_on_disk`: live ones counted there (0 for other tiers). How many live entries went in all.
  std::uint64_t clear_end(ClearId clear, std::uint64_t erased_on_disk, TimeMs now);

  // -- what it holds

  /// Entries, those up to a second past their deadline and stale ones included; of a durable cache those on disk too.
  std::uint64_t entries() const;
  std::uint64_t used_bytes() const;
  DirtyTotals dirty() const;
  const CacheStats& stats() const;
  /// After a batch or an erasing on disk.
  void set_disk_entries(std::uint64_t disk_entries);
};

}  // namespace pannier::storage
