// Cache: one named cache with its entries, its bounds, and its counters. All tiers are this class; what
// differs is in the tiers' table (settings.h) and the policies. Owned by the Catalog, which shares memory out
// among all caches. All that must outlive the process is in its CacheRecord and its entries, in the arena;
// each method changes them in transactions that leave everything sound at each end.
//
// Storage does no I/O. A durable entry that is not in memory makes a method answer Cold, with nothing
// changed: load the key from the DurableStore, hand the result to loaded(), and call the method again.
//
// A key that is given must have 1 to 65,535 bytes: checked by the caller. Views in results are valid until
// the next call of anything that is not const, of this or any other cache. Thread safety: none; everything in
// storage but the DurableStore belongs to one thread.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "storage/cache_record.h"
#include "storage/deadlines.h"
#include "storage/draft.h"
#include "storage/durable_store.h"
#include "storage/entry.h"
#include "storage/entry_list.h"
#include "storage/entry_writer.h"
#include "storage/index.h"
#include "storage/policy.h"
#include "storage/settings.h"
#include "storage/types.h"

namespace pannier::storage {

class Catalog;
enum class Change : std::uint8_t;

/// An entry's value and what goes with it. `deadline` is kNever for none.
struct EntryView {
  BytesView value;
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

/// A key and its hash in one catalog: for a key that is looked up more than once.
struct HashedKey {
  std::string_view key;
  std::uint64_t hash;
};

/// Of several entries that are to be put.
struct EntrySizes {
  std::uint64_t entries = 0;
  std::uint64_t charge_bytes = 0;          ///< of all together
  std::uint64_t largest_charge_bytes = 0;  ///< of one

  void add(std::uint64_t entry_charge_bytes) {
    ++entries;
    charge_bytes += entry_charge_bytes;
    largest_charge_bytes = std::max(largest_charge_bytes, entry_charge_bytes);
  }
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
  std::uint64_t shared_hits = 0;  ///< those of `hits` that clients have read themselves
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

/// Which entries of a durable cache a walk shows.
enum class WalkOf : std::uint8_t { kNotOnDisk, kInMemory };

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
  bool is_durable() const { return traits_.is_durable; }

  // -- reading

  HashedKey hashed(std::string_view key) const { return {key, hash_of_key(key)}; }
  /// Begins to fetch what a find, get or put will touch into the processor's cache, and does nothing else.
  Prefetch prefetch(const HashedKey& key) const { return index_.prefetch(key.hash); }
  /// What is there, without a use and without counting.
  Lookup find(std::string_view key, TimeMs now) { return find(hashed(key), now); }
  Lookup find(const HashedKey& key, TimeMs now);
  /// As find, and a Hit is a use and counts as a hit; Stale and Miss count as a miss. Cold counts nothing.
  Lookup get(std::string_view key, TimeMs now) { return get(hashed(key), now); }
  Lookup get(const HashedKey& key, TimeMs now);
  /// As find, and Hit and Stale are a use and count as a hit. Miss and Cold count nothing: see count_miss.
  Lookup get_or_stale(std::string_view key, TimeMs now);
  /// Clients have found so many entries without asking.
  void count_shared_hits(std::uint64_t hits);
  /// A lease was answered without a value.
  void count_miss();

  /// What an entry counts as in all bounds and figures of bytes.
  std::uint64_t charge_for(std::uint64_t key_bytes, std::uint64_t value_bytes) const;

  // -- writing; each success tells the ChangeListener before it returns

  /// Why put would refuse one of these entries whatever is evicted, or all of them together for their dirty
  /// bytes: for a request that is to be checked whole before anything is written. Nothing if it would not.
  std::optional<std::variant<TooBig, DirtyFull, NotSupported>> refusal_of(const EntrySizes& sizes,
                                                                          const PutOptions& options) const;
  /// Cold only where the condition or keep_ttl needs to know the present entry.
  PutOutcome put(std::string_view key, std::string_view value, const PutOptions& options, TimeMs now) {
    return put(hashed(key), value, options, now);
  }
  PutOutcome put(const HashedKey& key, std::string_view value, const PutOptions& options, TimeMs now);
  /// A draft for the last bytes of a value of `value_bytes` that is to be put, without options, when it is
  /// whole. Null where it has to be put as a whole: it is not large, it would be refused as things are, or
  /// all drafts would be for too much.
  std::unique_ptr<Draft> draft(std::string_view key, std::uint64_t value_bytes, DraftOwner& owner,
                               TimeMs now);
  /// As put() without options, of `value_start` and what was written into the draft, which is over then.
  /// Nothing: it was not put, and the draft is as it was: put() the value as a whole, which tells why, or has
  /// no reason any more. Precondition: the draft has left_bytes() of 0 and is of this cache's catalog.
  std::optional<Written> put_draft(const HashedKey& key, std::string_view value_start, Draft& draft,
                                   TimeMs now);
  EraseOutcome erase(std::string_view key, std::optional<Version> if_version, TimeMs now) {
    return erase(hashed(key), if_version, now);
  }
  EraseOutcome erase(const HashedKey& key, std::optional<Version> if_version, TimeMs now);
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
  /// A record that is on disk alone and past its stale window is noticed as expired: it is to be erased there
  /// by the next batch. False if there is nothing to do, or no memory to note it. Precondition: no load of
  /// the key is under way, and the scan's result is as new as that of a batch would be (DiskWorker's writing
  /// lane).
  bool expire_scanned(const ScannedKey& scanned, TimeMs now);
  /// The dirty sequence that must be clean for the key's present state to be on disk; 0 if it is.
  std::uint64_t dirty_sequence(std::string_view key) const;
  /// A write of what was there already dirties nothing, but gives a new version, which the disk learns only
  /// if asked to: all such entries become dirty for the sake of their versions.
  void write_versions(TimeMs now);
  /// Of one: the same, and then its dirty sequence.
  std::uint64_t sequence_with_version(const HashedKey& key, TimeMs now);

  // -- walks

  /// Appends keys of live entries with the prefix until `keys` has `keys_max`, or about `visits_max` entries
  /// were looked at. Of a durable cache only dirty ones, unless `of` says otherwise: all others are on disk
  /// (scan it afterwards). Keys of equal 64-bit hash stay together, so that `keys` may get more than keys_max
  /// by those. Precondition: `keys` is not full.
  WalkStep walk(WalkPosition from, std::string_view prefix, std::uint64_t keys_max, std::uint64_t visits_max,
                TimeMs now, std::vector<std::string>& keys, WalkOf of = WalkOf::kNotOnDisk) const;
  /// Whether a key found on disk is to be told by a walk: not if memory knows better (erased, cleared,
  /// expired there).
  bool shows_scanned(const ScannedKey& scanned, TimeMs now) const;

  // -- clear: from clear_begin on, entries with the prefix that were there are misses for everyone; their
  //    memory is taken back in steps. Of a durable cache: begin; flush through the sequence of then; erase
  //    the range on disk with version_max = clear_version; step until done; end.

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
  std::uint64_t used_bytes() const { return record_.used_bytes; }
  DirtyTotals dirty() const { return {record_.unwritten_entries, record_.unwritten_bytes}; }
  CacheStats stats() const;
  /// After a batch or an erasing on disk, and once before it is used: until then any key may be on disk, for
  /// a process that died may have counted only a part of a batch.
  void set_disk_entries(std::uint64_t disk_entries);

 private:
  friend class Catalog;    // makes room across caches, sweeps, drops
  friend class Draft;      // finds what must not go for it
  friend class WriteBack;  // takes dirty entries, and makes them clean
  friend class Check;      // verifies that all of it agrees
  friend class Migration;  // brings entries over from another arena

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
  using Fields = EntryWriter::Fields;
  using Plan = EntryWriter::Plan;
  enum class Room : std::uint8_t { kMade, kPinned, kNone };

  /// What the record says is there already, or (of a new record) what `settings` say.
  Cache(Catalog& catalog, CacheRecord& record);

  // -- cache.cc: entries and their places

  EntryAt entry_of(std::string_view key) const;
  std::uint64_t hash_of_key(std::string_view key) const;
  EntryList& list(Entry::List name) { return lists_[static_cast<std::size_t>(name)]; }
  const EntryList& list(Entry::List name) const { return lists_[static_cast<std::size_t>(name)]; }
  std::uint64_t charge_of(const Entry& entry) const;
  void tell(EntryAt entry, Change change) const;
  void tell(std::string_view key, Change change) const;
  /// A stamp for a use of now.
  std::uint64_t stamp();
  void schedule(EntryAt entry, TimeMs now);
  /// Takes an entry that is new in memory in; it is in no list yet.
  void add(std::uint64_t hash, EntryAt fresh);
  /// `fresh` is there instead of `old_entry`, which is freed, and takes over what is known of the disk. It is
  /// in the recency order only if `old_entry` was and `keeps_place`; among the dirty if that was; else in no
  /// list.
  void supersede(std::uint64_t hash, EntryAt old_entry, EntryAt fresh, bool keeps_place);
  void remove(EntryAt entry);
  void unlist(EntryAt entry);
  void push(Entry::List name, EntryAt entry);
  /// Around every change of what an unwritten entry counts as.
  void count(EntryAt entry);
  void uncount(EntryAt entry);
  void count_unwritten(EntryAt entry, bool is_added);
  /// The entry is, or is no longer, among those of which the disk is known to have a record.
  void count_known(EntryAt entry, bool is_added);
  /// Sets what is known of the disk's record of an entry of the index.
  void know(EntryAt entry, OnDisk on_disk);
  void bump(Word64& counter);
  void add_used(std::uint64_t added, std::uint64_t subtracted);

  // -- cache_read.cc

  EntryView view_of(EntryAt entry) const;
  Standing standing_of(EntryAt entry, TimeMs now) const;
  Lookup lookup_of(EntryAt entry, TimeMs now) const;
  void use(EntryAt entry);

  // -- cache_write.cc

  TimeMs deadline_of(const Ttl& ttl, TimeMs without, TimeMs now) const;
  Fields fields_of(std::string_view key, std::string_view value, const PutOptions& options, EntryAt live,
                   TimeMs now) const;
  /// The most frequent of all writes, over an entry of a cache in memory, without a deadline before and
  /// after, whose value is as long as the new one: nothing has to be planned, refused or made room for.
  bool is_alike(const Entry& entry, std::uint64_t value_bytes, const PutOptions& options) const;
  Written overwrite_alike(EntryAt entry, const HashedKey& key, std::string_view value);
  /// Every put. `present`: what is under the key.
  PutOutcome put_at(std::uint64_t hash, EntryAt present, std::string_view key, std::string_view value,
                    const PutOptions& options, TimeMs now, Draft* draft = nullptr);
  bool is_same(EntryAt live, const Fields& fields) const;
  Written put_same(std::uint64_t hash, EntryAt entry, TimeMs now);
  /// Whether the new value can take the old one's place without a new slot.
  bool fits_in_place(EntryAt live, const Plan& plan) const;
  Written overwrite(std::uint64_t hash, EntryAt live, const Fields& fields, std::uint64_t charge_bytes,
                    TimeMs now);
  Written store(std::uint64_t hash, EntryAt old_entry, bool keeps_place, const Plan& plan, Fields fields,
                TimeMs now);
  /// Precondition: it has a place for a deadline.
  Touched move_deadline(EntryAt entry, TimeMs deadline, TimeMs now);
  /// The same entry, in another slot, with room for another shape; part of a transaction that puts it into
  /// the wheel.
  void reshape(EntryAt entry, const Plan& plan, const Fields& fields);

  // -- cache_room.cc

  bool is_over_bounds() const;
  /// Less than its own memory is left to it when others need some.
  bool is_protected() const;
  /// Room for an entry instead of `old_entry` if there is one, which stays, and is watched. The entry's
  /// pieces are written. Otherwise why there is none.
  std::optional<PutOutcome> make_room(const Plan& plan, const Fields& fields, std::uint64_t charge_bytes,
                                      Ref& old_entry, TimeMs now);
  std::optional<PutOutcome> refusal_for(std::uint64_t charge_bytes, EntryAt old_entry,
                                        bool is_in_place) const;
  void make_own_room(std::uint64_t charge_bytes, Ref& old_entry, TimeMs now);
  std::optional<TooBig> above_own_bound(std::uint64_t charge_bytes) const;
  /// `old_bytes`: of the entry that must stay until the new one is there.
  std::optional<TooBig> too_big(std::uint64_t charge_bytes, std::uint64_t old_bytes) const;
  /// `is_one`: the charge is of one entry.
  std::optional<DirtyFull> dirty_full(std::uint64_t charge_bytes, EntryAt old_entry,
                                      bool is_one = true) const;
  /// The oldest by place of those that may go for space.
  EntryAt victim(Ref except) const;
  /// The entry of the recency order leaves, or has to be written first.
  void evict(EntryAt entry, TimeMs now);
  /// An entry goes for the cache's own bounds: expired ones first, then stale ones. False if there is none to
  /// go.
  bool take_back_one(Ref except, TimeMs now);
  bool trim(std::uint64_t& visits, TimeMs now);

  // -- cache_expiry.cc

  /// The entry, or what remains of it, after its expiry was noticed if it is due. There may be none.
  EntryAt noticed(EntryAt entry, TimeMs now);
  EntryAt expire(EntryAt entry, TimeMs now);
  bool expire_one(TimeMs now);
  void sweep(TimeMs now, std::uint64_t& visits);

  // -- cache_cold.cc: what a durable cache knows of its disk

  bool may_be_cold() const;
  static bool may_be_on_disk(const Entry& entry);
  OnDisk inherited(EntryAt old_entry) const;
  void mark_dirty(EntryAt entry, TimeMs now);
  /// The entry is of no use any more: what the disk must be told remains as a tombstone, else what is waited
  /// for. What remains.
  EntryAt let_go(EntryAt entry, TimeMs now);
  void bury(EntryAt entry, TimeMs now);
  void vacate(EntryAt entry, OnDisk on_disk);
  void hold(EntryAt entry, TimeMs now);
  /// A durable entry that is in no list goes where its state says.
  void settle(EntryAt entry);
  bool add_loaded(const Fields& fields, TimeMs now);
  /// An entry of another arena, with its place, its list, and what is known of the disk. False: no room.
  bool bring(const Fields& fields, const Entry& from, TimeMs now);
  /// What a process that died has left: nothing is in flight any more, and nobody waits for a load.
  void forget_jobs();
  /// Of no entry is it known whether a clear has erased it on disk.
  void forget_cleared();
  /// Clean entries go; of dirty ones it is not known whether they are on disk.
  void forget_clean();

  // -- cache_clear.cc

  const Clear* clear_of(const BytesView& key, Version version) const;
  /// Whether a record that was found on disk some time ago is covered by a clear, or was by one that ended
  /// since.
  bool is_record_covered(std::string_view key, Version version) const;
  bool is_covered(EntryAt entry) const {
    return !clears_.empty() && clear_of(key_of(arena_, entry), entry->version()) != nullptr;
  }
  /// True if the entry is covered by a clear, and then it was counted there if it is to be.
  bool count_covered(EntryAt entry);
  void take_covered(EntryAt entry, TimeMs now);
  Clear& clear_named(ClearId clear);

  Catalog& catalog_;
  Arena& arena_;
  CacheRecord& record_;
  const std::string name_;
  Settings settings_;
  bool knows_disk_entries_ = false;
  const TierTraits& traits_;  ///< of its tier, which never changes
  Index index_;
  std::array<EntryList, Entry::kLists> lists_;
  std::unique_ptr<Policy> policy_;  ///< all entries that may leave for space, but the stale ones
  Deadlines deadlines_;
  std::vector<Clear> clears_;
  std::deque<EndedClear> ended_clears_;  ///< the latest kEndedClearsMax
};

}  // namespace pannier::storage
