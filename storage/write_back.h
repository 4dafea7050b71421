// WriteBack knows which durable entries differ from the disk, and turns them into batches. Pure bookkeeping
// of the loop thread: the batches are written by a DurableStore on a worker, and the results come back
// through batch_done.
//
// Every change of a durable entry gets a dirty sequence, unless the entry is dirty already: then it keeps its
// place and the later state is what a batch takes. So "everything acknowledged before now is on disk" is
// `clean_through() >= sequence_last()` with the latter taken now. Several batches may be in flight, each
// small, so that neither taking one nor what follows its writing is a long step; an entry is in one of them
// at most. An entry that changes while its batch is in flight is dirty again, with a new sequence, and keeps
// later ones from being taken until that batch has ended. A batch that failed is dirty as before.
//
// Dirty entries are pinned: they stay in memory and count as dirty_bytes until they are on disk.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "storage/durable_store.h"
#include "storage/types.h"

namespace pannier::storage {

class Cache;
class Catalog;
struct EntryAt;

/// What a clear under way covers: records on disk with the prefix and a version up to this one are still
/// there, and gone for everyone.
struct ClearedRange {
  std::string prefix;
  Version version_max = 0;
};

struct BatchLimits {
  std::uint64_t items_max = 256;
  std::uint64_t bytes_max = std::uint64_t{256} << 10;  ///< a single larger entry is a batch of its own
};

class WriteBack {
 public:
  explicit WriteBack(Catalog& catalog) : catalog_(catalog) {}
  WriteBack(const WriteBack&) = delete;
  WriteBack& operator=(const WriteBack&) = delete;

  /// In flight together: no batch is taken above it.
  static constexpr std::uint64_t kInFlightItemsMax = 65'536;
  static constexpr std::uint64_t kInFlightBytesMax = std::uint64_t{8} << 20;  // of charges

  /// Whether take_batch() would take anything.
  bool has_batch() const;
  /// The oldest dirty entries. Nothing if none is dirty, or if the oldest has to wait for a batch in flight.
  std::optional<Batch> take_batch(const BatchLimits& limits);
  /// It was written: its entries that did not change since are clean, erased ones are gone from memory.
  /// Precondition: of those in flight it was taken first.
  void batch_done(const Batch& batch, const Wrote& wrote);
  /// All or nothing of it is on disk, and nobody knows: its entries are dirty as they were, at their old
  /// places. Precondition: of those in flight it was taken last.
  void batch_failed(const Batch& batch);

  /// The sequence of the latest change. 0: none ever.
  std::uint64_t sequence_last() const;
  /// Every change with a sequence up to this one is on disk.
  std::uint64_t clean_through() const;
  bool in_flight() const { return !in_flight_.empty(); }
  /// Everything that is dirty is in flight as it is in memory now.
  bool is_all_in_flight() const;

  /// Of the clears of a cache that are under way.
  static std::vector<ClearedRange> cleared_ranges(const Cache& cache);

  /// All dirty entries, those in flight included.
  DirtyTotals totals() const { return totals_; }
  /// So many bytes (of charges) are about to become dirty by and by: until kept() they count towards
  /// dirty_bytes_max, so that no other write takes their room.
  void promise(std::uint64_t bytes) { promised_bytes_ += bytes; }
  /// So many of them are about to become dirty now, or will not.
  void kept(std::uint64_t bytes) { promised_bytes_ -= bytes; }
  /// About those that no batch in flight has; not those that have changed since their batch was taken.
  DirtyTotals waiting() const;
  /// When the oldest of them became dirty; kNever if none is.
  TimeMs oldest_dirty_since() const;
  /// The same of one cache; what is in flight counts as old as the oldest batch.
  TimeMs oldest_dirty_since(const Cache& cache) const;

 private:
  friend class Cache;    // marks its entries
  friend class Catalog;  // forgets those of dropped caches
  friend class Check;

  /// A batch in flight as a whole.
  struct InFlight {
    std::uint64_t number;
    std::uint64_t sequence_first;
    TimeMs dirty_since;
    DirtyTotals totals;
  };

  std::uint64_t next_sequence();
  static EntryAt oldest_dirty(const Cache& cache);
  /// The cache whose oldest dirty entry is the oldest of all; null: nothing is dirty.
  Cache* oldest_cache() const;
  TimeMs oldest_waiting_since() const;
  /// As many as the limits allow of those of a cache that are older than all others'.
  static void take_run(Cache& cache, std::uint64_t sequence_end, const BatchLimits& limits, Batch& batch,
                       InFlight& taken);
  void no_longer_in_flight(const InFlight& batch);
  static BatchItem take(Cache& cache, EntryAt entry);
  /// The entry of an item in flight.
  static EntryAt entry_of(const Cache& cache, const BatchItem& item);
  static void clean(Cache& cache, EntryAt entry, const BatchItem& item);
  static void restore(Cache& cache, EntryAt entry, const BatchItem& item, TimeMs dirty_since);

  Catalog& catalog_;
  std::deque<InFlight> in_flight_;  // as they were taken
  DirtyTotals in_flight_totals_;
  std::uint64_t batch_last_ = 0;
  DirtyTotals totals_;
  std::uint64_t promised_bytes_ = 0;
};

}  // namespace pannier::storage
