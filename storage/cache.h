// Cache: one named cache with its entries, its bounds, and its counters. All tiers are this class; what
// differs is in the tiers' table (settings.h) and the policies. Owned by the Catalog, which shares memory out
// among all caches.
//
// Storage does no I/O. A durable entry that is not in memory makes a method answer Cold, with nothing
// changed: load the key from the DurableStore, hand the result to loaded(), and call the method again.
//
// A key that is given must have 1 to 65,535 bytes: checked by the caller. Views in results are valid until
// the next call of anything that is not const, of this or any other cache. Thread safety: none; everything in
// storage but the DurableStore belongs to one thread.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <variant>
#include <vector>

#include "storage/deadlines.h"
#include "storage/durable_store.h"
#include "storage/entry.h"
#include "storage/entry_list.h"
#include "storage/index.h"
#include "storage/policy.h"
#include "storage/settings.h"
#include "storage/types.h"

namespace pannier::storage {

class Catalog;
enum class Change : std::uint8_t;

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
  bool keep_ttl = false;  ///< a live entry's deadline and stale window stay; else `ttl` and `stale_ms` count
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
/// Too many bytes wait for the disk (dirty_bytes_max), or pin the memory that is needed: try again after a
/// flush.
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
  /// Clears that may end while one load is under way.
  static constexpr std::size_t kEndedClearsMax = 64;

  ~Cache();
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

  /// Why put would refuse one of these entries (key, value) whatever is evicted, or all of them together for
  /// their dirty bytes: for a request that is to be checked whole before anything is written. Nothing if it
  /// would not.
  std::optional<std::variant<TooBig, DirtyFull, NotSupported>> refusal_of(
      const std::vector<std::pair<std::string_view, std::string_view>>& entries,
      const PutOptions& options) const;
  /// Cold only where the condition or keep_ttl needs to know the present entry.
  PutOutcome put(std::string_view key, std::string_view value, const PutOptions& options, TimeMs now);
  EraseOutcome erase(std::string_view key, std::optional<Version> if_version, TimeMs now);
  /// kCacheDefault: the cache's age_ms_max, and without one the deadline stays. The stale window keeps its
  /// length.
  TouchOutcome touch(std::string_view key, Ttl ttl, TimeMs now);

  // -- cold keys of a durable cache

  /// The result of a load. A write that came in between wins. The entry is in memory, or known to be absent,
  /// at least until release_loaded(key): call it when those who waited for the load have run. A record past
  /// its stale window is noticed as expired. False if there is no memory for it (pinned by dirty entries):
  /// nothing changed. Precondition: the result is newer than any write of the key that has left memory again,
  /// so let writes of a key wait for its load. Clears that end while a load is under way are no problem, up
  /// to kEndedClearsMax of them.
  bool loaded(std::string_view key, const std::variant<Record, Absent>& result, TimeMs now);
  void release_loaded(std::string_view key);
  /// The dirty sequence that must be clean for the key's present state to be on disk; 0 if it is.
  std::uint64_t dirty_sequence(std::string_view key) const;
  /// A write of what was there already dirties nothing, but gives a new version, which the disk learns only
  /// if asked to: the entry, or all such entries, become dirty for the sake of their versions.
  void write_version(std::string_view key, TimeMs now);
  void write_versions(TimeMs now);

  // -- walks

  /// Appends keys of live entries with the prefix until `keys` has `keys_max`, or about `visits_max` entries
  /// were looked at. Of a durable cache only dirty ones: all others are on disk (scan it afterwards). Keys of
  /// equal 64-bit hash stay together, so that `keys` may get more than keys_max by those. Precondition:
  /// `keys` is not full.
  WalkStep walk(WalkPosition from, std::string_view prefix, std::uint64_t keys_max, std::uint64_t visits_max,
                TimeMs now, std::vector<std::string>& keys) const;
  /// Whether a key found on disk is to be told by a walk: not if memory knows better (erased, cleared,
  /// expired there).
  bool shows_scanned(const ScannedKey& scanned, TimeMs now) const;

  // -- clear: from clear_begin on, entries with the prefix that were there are misses for everyone; their
  // memory is taken
  //    back in steps. Of a durable cache: begin; flush through the sequence of then; erase the range on disk
  //    with version_max = clear_version; step until done; end.

  ClearId clear_begin(std::string_view prefix, TimeMs now);
  Version clear_version(ClearId clear) const;
  /// Looks at about `visits_max` entries; true while there is more to do.
  bool clear_step(ClearId clear, std::uint64_t visits_max);
  /// `erased_on_disk`: live ones counted there (0 for other tiers). How many live entries went in all.
  std::uint64_t clear_end(ClearId clear, std::uint64_t erased_on_disk, TimeMs now);

  // -- what it holds

  /// Entries, those up to a second past their deadline and stale ones included; of a durable cache those on
  /// disk too.
  std::uint64_t entries() const;
  std::uint64_t used_bytes() const;
  DirtyTotals dirty() const;
  const CacheStats& stats() const;
  /// After a batch or an erasing on disk.
  void set_disk_entries(std::uint64_t disk_entries) { disk_entries_ = disk_entries; }

 private:
  friend class Catalog;    // makes room across caches, sweeps, drops
  friend class WriteBack;  // takes dirty entries, and makes them clean
  friend class Check;      // verifies that all of it agrees, in tests

  enum class Standing : std::uint8_t { kAbsent, kCold, kStale, kLive };
  struct Clear {
    ClearId id;
    std::string prefix;
    Version version;  ///< of the latest write when it began: what is newer stays
    TimeMs began;
    std::optional<std::uint64_t> next_point = 0;  ///< nothing when all were looked at
    std::uint64_t erased = 0;
  };
  /// A load that was begun before the clear ended may still bring back what the clear erased.
  struct EndedClear {
    std::string prefix;
    Version version;
  };
  /// What a put is to store, beside the bytes.
  struct Draft {
    TimeMs deadline;
    std::uint64_t stale_ms;
  };

  Cache(Catalog& catalog, CacheId id, std::string_view name, const Settings& settings);

  // -- cache.cc: entries and their places

  Entry* entry_of(std::string_view key) const;
  EntryPointer draft_entry(std::uint64_t hash, std::string_view key, std::string_view value) const;
  void tell(const Entry& entry, Change change) const;
  /// A stamp for a use of now.
  std::uint64_t stamp();
  void schedule(Entry& entry, TimeMs now);
  /// Takes an entry that is new in memory in; it is in no list yet.
  Entry& add(EntryPointer fresh);
  /// `fresh` is there instead of `old_entry`, which is freed, and takes over what is known of the disk. It is
  /// in the recency order only if `old_entry` was and `keeps_place`; among the dirty if that was.
  Entry& supersede(Entry& old_entry, EntryPointer fresh, bool keeps_place);
  void remove(Entry& entry);
  void unlist(Entry& entry);
  /// Around every change of what an unwritten entry counts as.
  void count(const Entry& entry);
  void uncount(const Entry& entry);

  // -- cache_read.cc

  /// Aborts on an entry that cannot be answered: precondition of Hit and Stale.
  static EntryView view_of(const Entry& entry);
  Standing standing_of(const Entry* entry, TimeMs now) const;
  Lookup lookup_of(const Entry* entry, TimeMs now) const;
  void use(Entry& entry);

  // -- cache_write.cc

  TimeMs deadline_of(const Ttl& ttl, TimeMs without, TimeMs now) const;
  Draft draft_of(const PutOptions& options, const Entry* live, TimeMs now) const;
  Written put_same(Entry& entry);
  Written store(Entry* old_entry, bool keeps_place, EntryPointer fresh, TimeMs now);

  // -- cache_room.cc

  bool is_over_bounds() const;
  /// Less than its own memory is left to it when others need some.
  bool is_protected() const;
  /// Room for an entry of that charge, instead of `old_entry` if there is one, which stays. Otherwise why
  /// there is none.
  std::optional<PutOutcome> make_room(std::uint64_t charge_bytes, const Entry* old_entry, TimeMs now);
  void make_own_room(std::uint64_t charge_bytes, const Entry* old_entry, TimeMs now);
  std::optional<TooBig> too_big(std::uint64_t charge_bytes) const;
  std::optional<DirtyFull> dirty_full(std::uint64_t charge_bytes, const Entry* old_entry) const;
  /// The entry of the recency order leaves, or has to be written first.
  void evict(Entry& entry, TimeMs now);
  /// An entry goes for the cache's own bounds: expired ones first, then stale ones. False if there is none to
  /// go.
  bool take_back_one(const Entry* except, TimeMs now);
  bool trim(std::uint64_t& visits, TimeMs now);

  // -- cache_expiry.cc

  /// The entry, or what remains of it, after its expiry was noticed if it is due. `entry` may be null.
  Entry* noticed(Entry* entry, TimeMs now);
  Entry* expire(Entry& entry, TimeMs now);
  bool expire_one(TimeMs now);
  void sweep(TimeMs now, std::uint64_t& visits);

  // -- cache_cold.cc: what a durable cache knows of its disk

  bool may_be_cold() const;
  static bool may_be_on_disk(const Entry& entry);
  OnDisk inherited(const Entry& old_entry) const;
  void mark_dirty(Entry& entry, TimeMs now);
  void set_ahead(Entry& entry, bool is_ahead);
  /// The entry is of no use any more: what the disk must be told remains as a tombstone, else what is waited
  /// for.
  Entry* let_go(Entry& entry, TimeMs now);
  Entry& bury(Entry& entry, TimeMs now);
  Entry& vacate(Entry& entry, OnDisk on_disk);
  void hold(Entry& entry);
  /// A durable entry that is in no list goes where its flags say.
  void settle(Entry& entry);
  bool add_loaded(std::string_view key, const Record& record, TimeMs now);
  bool add_vacant(std::string_view key, OnDisk on_disk, TimeMs now);

  // -- cache_clear.cc

  const Clear* clear_of(std::string_view key, Version version) const;
  /// Whether a record that was found on disk some time ago is covered by a clear, or was by one that ended
  /// since.
  bool is_record_covered(std::string_view key, Version version) const;
  bool is_covered(const Entry& entry) const;
  /// True if the entry is covered by a clear, and then it was counted there if it is to be.
  bool count_covered(const Entry& entry);
  void take_covered(Entry& entry, TimeMs now);
  Clear& clear_named(ClearId clear);

  Catalog& catalog_;
  const CacheId id_;
  const std::string name_;
  Settings settings_;
  Index index_;
  std::unique_ptr<Policy> policy_;  ///< all entries that may leave for space, but the stale ones
  EntryList stale_{Entry::List::kStale};
  EntryList dirty_{Entry::List::kDirty};
  std::unordered_set<Entry*> ahead_;  ///< clean ones whose version on disk is an older one
  Deadlines deadlines_;
  std::uint64_t used_bytes_ = 0;
  DirtyTotals unwritten_;
  std::uint64_t disk_entries_ = 0;
  std::int64_t beyond_disk_ = 0;  ///< dirty entries that are not on disk, less erased ones that are
  CacheStats stats_;
  std::vector<Clear> clears_;
  std::deque<EndedClear> ended_clears_;  ///< the latest kEndedClearsMax
};

}  // namespace pannier::storage
