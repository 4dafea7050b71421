// Catalog: all caches, by name, and what they share: the memory limit, the order of use across them, the
// deadlines, the versions, and the write-back. It does no I/O and asks for no time.
//
// When memory is short, what goes first, and in this order: entries of dropped caches, expired ones, stale
// ones, then the least recently used of all caches that are above their reserved_bytes. Dirty durable entries
// never go. Clean durable ones go without being counted or told: they are on disk.
//
// All of it is in an Arena, but what follows from that. A catalog that is made on an arena that another
// process has left has its caches, entries, counters, and orders.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <variant>
#include <vector>

#include "storage/arena.h"
#include "storage/cache.h"
#include "storage/draft.h"
#include "storage/entry_writer.h"
#include "storage/settings.h"
#include "storage/slot_mover.h"
#include "storage/slots.h"
#include "storage/types.h"
#include "storage/write_back.h"

namespace pannier::storage {

/// Why an entry changed or went.
enum class Change : std::uint8_t { kWritten, kErased, kExpired, kEvicted };

/// Is told of every change of an entry as it happens, one's own writes included; not of clears and drops,
/// which their callers know about, nor of clean durable entries leaving memory. Must not call back into
/// storage.
class ChangeListener {
 public:
  virtual ~ChangeListener() = default;
  virtual void changed(const Cache& cache, std::string_view key, Change change) = 0;
};

/// The charge of an entry in bytes, from the sizes of its key and value.
using ChargeFunction = std::uint64_t (*)(std::uint64_t key_bytes, std::uint64_t value_bytes);
/// Key, value, and kEntryOverheadBytes.
std::uint64_t entry_charge(std::uint64_t key_bytes, std::uint64_t value_bytes);
/// What an entry costs beside its key and value: its header, its part of the index, what rounding wastes. A
/// round figure: a deadline takes 12 bytes more, and ARENA.md has all of them.
inline constexpr std::uint64_t kEntryOverheadBytes = 48;

struct CatalogOptions {
  std::uint64_t memory_bytes_max = std::uint64_t{256} << 20;  ///< of the arena: entries, index, all of it
  std::uint64_t dirty_bytes_max = std::uint64_t{64} << 20;    ///< above it, durable writes are DirtyFull
  std::uint32_t caches_max = 1'024;                           ///< at most kCachesMax
  ChargeFunction charge = entry_charge;
};

struct Opened {
  Cache& cache;
  bool created;
  bool altered;
};
/// It exists with other settings; `text` names the first that differs, with both values.
struct OpenConflict {
  std::string text;
};
/// caches_max is reached, or reserved_bytes would leave less than half of the memory limit to all others.
struct OpenRefused {
  enum class Kind { kTooManyCaches, kReservedTooMuch } kind;
  std::string text;
};
using OpenOutcome = std::variant<Opened, OpenConflict, OpenRefused>;

/// A reservation that was made under a higher memory limit: it counts in part, because all together may take
/// no more than half of the limit.
struct ReducedReservation {
  std::string cache;
  std::uint64_t reserved_bytes;
  std::uint64_t counted_bytes;  ///< its share of that half
};

/// A cache that was there and is not any more; its memory is taken back by step().
struct Dropped {
  CacheId id;
  bool was_durable;
};

/// Which entry a client has read by itself.
struct NotedUse {
  CacheId cache;
  BytesView key;
};

/// What the arena's memory is used for, and what the work of the allocator was since the start of the
/// process.
struct ArenaStats {
  std::uint64_t bytes = 0;           ///< of the arena
  std::uint64_t free_bytes = 0;      ///< that entries could still take
  std::uint64_t internal_bytes = 0;  ///< pages of cache records and the index
  std::uint64_t moved_entries = 0;   ///< entries and pieces that were moved to free a page
  std::uint64_t moved_bytes = 0;     ///< of their slots
};

/// Whether the durable caches of an arena are those of a store as it is now.
struct DurableCoherence {
  bool is_same;      ///< what is clean in memory is on this disk
  std::string text;  ///< if not: a sentence for the log; empty if it was used with none
};

class Catalog {
 public:
  /// `listener` must outlive the catalog. Aborts if the system has no memory for an empty arena of
  /// memory_bytes_max.
  Catalog(const CatalogOptions& options, ChangeListener& listener);
  /// On an arena that is new or was taken over, of about memory_bytes_max bytes. What it holds must be sound:
  /// see takeover.h.
  Catalog(const CatalogOptions& options, ChangeListener& listener, std::unique_ptr<Arena> arena);
  /// Aborts if a draft is still there.
  ~Catalog();
  Catalog(const Catalog&) = delete;
  Catalog& operator=(const Catalog&) = delete;

  // -- caches

  Cache* find(std::string_view name);
  Cache* find(CacheId id);
  /// By its number in the arena.
  Cache* find_ordinal(std::uint32_t ordinal);
  /// Settings must have passed fault_of(). A new cache gets an id that no cache had before, see next_id.
  OpenOutcome open(std::string_view name, const Settings& settings, bool alter, TimeMs now);
  /// A durable cache as it was found on disk. Precondition: neither its name nor its id is in use.
  /// Null: the memory limit has no room for one more.
  Cache* restore(const Definition& definition);
  /// Ids up to this one are or were in use on disk.
  void raise_next_id(CacheId above);
  /// The highest id that any cache had.
  CacheId id_last() const { return arena_->header().id_last; }
  std::optional<Dropped> drop(std::string_view name);
  /// In the order of their names.
  std::vector<Cache*> caches();
  /// What may be reserved by all together, and what counts in part because more is. The settings stay.
  std::uint64_t reservable_bytes() const { return options_.memory_bytes_max / 2; }
  std::vector<ReducedReservation> reduced_reservations() const;

  // -- background work

  /// Takes back what is past its deadline, what was dropped, and what is over an altered bound; looks at
  /// about `visits_max` entries. True while there is more to do at `now`.
  bool step(TimeMs now, std::uint64_t visits_max);
  /// When step() has something to do next: never later than the earliest deadline, maybe earlier; kNever if
  /// nothing.
  TimeMs next_due() const;
  /// By how much the oldest entry that is past its deadline and not yet taken back is late at `now`; 0 if
  /// none.
  std::uint64_t expiry_lag_ms(TimeMs now) const;

  // -- what they share

  WriteBack& write_back() { return write_back_; }
  /// Versions and tokens from `from` (included) to `bound` (excluded) may be given out.
  void set_versions(Version from, Version bound);
  Version versions_left() const {
    const ArenaHeader& head = arena_->header();
    return head.versions_bound > head.version_next ? head.versions_bound - head.version_next : 0;
  }
  Version version_last() const;
  /// To be called first of all with what the store says of itself. An arena that was last used with another
  /// store, or with this one before another process wrote to it, loses its clean durable entries; the dirty
  /// ones stay, to be written. It belongs to no store then, until belong_to_store().
  DurableCoherence meet_store(std::string_view identity, Version reserved_bound);
  /// The catalog has all durable caches of this store: one that is missing in it later was dropped.
  void belong_to_store(std::string_view identity);
  /// The store is about to be told this bound.
  void note_reserving(Version bound);
  /// A number for other purposes (a lease's token) that no version and no other call ever gave. Nothing if
  /// none is left.
  std::optional<Version> take_version() {
    if (versions_left() == 0) return std::nullopt;
    // Not noted in the journal: a version that was taken back is not given out again.
    return arena_->header().version_next++;
  }

  /// Of the arena, what is not free: entries with what rounding takes, index, records.
  std::uint64_t memory_used() const { return arena_->bytes() - slots_.free_bytes(); }
  ArenaStats arena_stats() const;
  /// Of all caches, dirty, stale and known-to-be-absent ones included.
  std::uint64_t entries_in_memory() const;
  /// The last thing that is done with the catalog: the next process finds the arena as it is now.
  void close_cleanly();
  const CatalogOptions& options() const { return options_; }
  void set_dirty_bytes_max(std::uint64_t bytes) { options_.dirty_bytes_max = bytes; }
  /// Caches that are there stay, be they more.
  void set_caches_max(std::uint32_t caches) { options_.caches_max = caches; }
  Arena& arena() { return *arena_; }

  /// How many uses all entries have had, writes included.
  std::uint64_t uses() const { return arena_->header().stamp; }
  /// A client says that it has read the entry in this slot, with this version, by itself: a use, if there is
  /// such a one: then which one it is. Both may be any numbers.
  std::optional<NotedUse> note_use(Ref ref, Version version, TimeMs now);

  /// A value of so many bytes is arriving: makes room for it ahead, by about `steps_max` entries at most.
  /// True while there is more to do.
  bool expect(std::uint64_t bytes, TimeMs now, std::uint64_t steps_max);

 private:
  friend class Cache;      // takes memory, stamps and versions, tells changes
  friend class Draft;      // takes memory
  friend class WriteBack;  // finds caches by id
  friend class Check;
  friend class Migration;

  // -- catalog_open.cc

  /// Nothing if the arena has no room for its record.
  Cache* add(CacheId id, std::string_view name, const Settings& settings);
  Cache& adopt(CacheRecord& record);
  void adopt_all();
  void forget_record(CacheRecord& record);
  std::optional<OpenRefused> reservation_fault(const Settings& settings, const Cache* except) const;
  OpenOutcome alter_or_conflict(Cache& cache, const Settings& settings, bool alter);

  // -- catalog_memory.cc

  /// What `settings` keep from all other caches.
  std::uint64_t reservation_of(const Settings& settings) const;
  /// What the reservations of others and the parts that must be there leave to the largest entry of `cache`.
  std::uint64_t memory_left_to(const Cache& cache) const;
  /// Room for slots of so many bytes. `old_entry` stays, and is watched. kPinned: what is left is dirty.
  Cache::Room make_room(Cache& cache, std::uint64_t slot_bytes, Ref& old_entry, TimeMs now);
  Cache::Room no_room() const;
  /// Makes sure that so many pages are ready, whatever has to go for them but `old_entry`; false if nothing
  /// more can. `old_entry` is watched: it may be moved.
  bool take_pages(Cache& cache, std::uint64_t pages, const Ref& old_entry, TimeMs now);
  /// After make_room(); more may go for it. False if nothing more can: nothing was written.
  bool write_pieces(Cache& cache, const EntryWriter::Plan& plan, const EntryWriter::Fields& fields,
                    Ref& old_entry, TimeMs now);
  bool has_room(std::uint64_t slot_bytes) const;
  /// Makes sure that so many pages are ready; false if there is no way.
  bool ready_pages(std::uint64_t pages);
  /// Moves entries while pages are short, about so many at most, and frees garbage: more of it for a write
  /// that takes slots of so many bytes. True while there is more to do.
  bool tidy(std::uint64_t moves_max, std::uint64_t slot_bytes = 0);
  /// Whether one more draft of so many bytes may be; those that do not move go for it.
  bool make_draft_place(std::uint64_t bytes, TimeMs now);
  /// Makes room for slots of pieces of a draft, unless there is too little that may go for it.
  bool make_draft_room(const Cache& cache, std::uint64_t slot_bytes, Ref& old_entry, TimeMs now);
  /// Each: one entry goes or gets nearer to it; false if there is none. `cache` is not spared.
  bool take_back_entry(const Cache* cache, Ref except, TimeMs now);
  /// Or, if there is none, a draft is given up.
  bool take_back_one(const Cache* cache, Ref except, TimeMs now);
  bool give_up_draft();
  bool free_dropped_one();
  bool expire_one(TimeMs now);
  bool drop_stale_one(Ref except, TimeMs now);
  bool evict_one(const Cache* cache, Ref except, TimeMs now);
  void refresh_work_bound();

  CatalogOptions options_;
  ChangeListener& listener_;
  std::unique_ptr<Arena> arena_;
  Slots slots_{*arena_};
  SlotMover mover_{*arena_, slots_};
  EntryWriter writer_{*arena_, slots_};
  ClearId clear_last_ = 0;
  TimeMs work_bound_ = kNever;  ///< no wheel has anything to do before
  bool is_trimming_ = false;    ///< a cache may be over its altered bounds
  bool is_untidy_ = false;      ///< garbage or a shortage of pages may be there
  std::size_t sweep_from_ = 0;  ///< where in caches_ the next sweep starts
  std::uint64_t stale_entries_ = 0;
  std::vector<Draft*> drafts_;        ///< those that are not over
  std::uint64_t drafts_bytes_ = 0;    ///< that they will hold when they are full
  std::uint64_t reserved_bytes_ = 0;  ///< by the settings of all caches
  WriteBack write_back_{*this};
  std::map<std::string, std::unique_ptr<Cache>, std::less<>> by_name_;
  std::unordered_map<CacheId, Cache*> by_id_;
  std::vector<Cache*> caches_;
  std::vector<std::unique_ptr<Cache>> dropped_;
};

}  // namespace pannier::storage
