// WriteBack knows which durable entries differ from the disk, and turns them into batches. Pure bookkeeping
// of the loop thread: the batches are written by a DurableStore on a worker, and the results come back
// through batch_done.
//
// Every change of a durable entry gets a dirty sequence, unless the entry is dirty already: then it keeps its
// place and the later state is what a batch takes. So "everything acknowledged before now is on disk" is
// `clean_through() >= sequence_last()` with the latter taken now. One batch is in flight at a time. An entry
// that changes while its batch is in flight is dirty again, with a new sequence. A batch that failed is dirty
// as before.
//
// Dirty entries are pinned: they stay in memory and count as dirty_bytes until they are on disk.
#pragma once

#include <cstdint>
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

struct Batch {
  std::vector<BatchItem> items;
  std::uint64_t bytes = 0;  ///< of keys and values
};

/// What a clear under way covers: records on disk with the prefix and a version up to this one are still
/// there, and gone for everyone.
struct ClearedRange {
  std::string prefix;
  Version version_max = 0;
};

struct BatchLimits {
  std::uint64_t items_max = 10'000;
  std::uint64_t bytes_max = std::uint64_t{4} << 20;  ///< a single larger entry is a batch of its own
};

class WriteBack {
 public:
  explicit WriteBack(Catalog& catalog) : catalog_(catalog) {}
  WriteBack(const WriteBack&) = delete;
  WriteBack& operator=(const WriteBack&) = delete;

  /// The oldest dirty entries, sorted by cache and key. Nothing if none is dirty or a batch is in flight.
  std::optional<Batch> take_batch(const BatchLimits& limits);
  /// The batch in flight was written: its entries that did not change since are clean, erased ones are gone
  /// from memory.
  void batch_done(const Batch& batch, const Wrote& wrote);
  /// All or nothing of it is on disk, and nobody knows: its entries are dirty as they were, at their old
  /// places.
  void batch_failed(const Batch& batch);

  /// The sequence of the latest change. 0: none ever.
  std::uint64_t sequence_last() const;
  /// Every change with a sequence up to this one is on disk.
  std::uint64_t clean_through() const;
  bool in_flight() const { return in_flight_since_.has_value(); }

  /// Of the clears of a cache that are under way.
  static std::vector<ClearedRange> cleared_ranges(const Cache& cache);

  /// All dirty entries, those in flight included.
  DirtyTotals totals() const { return totals_; }
  /// When the oldest of them became dirty; kNever if none is.
  TimeMs oldest_dirty_since() const;

 private:
  friend class Cache;    // marks its entries
  friend class Catalog;  // forgets those of dropped caches
  friend class Check;

  /// The batch in flight as a whole.
  struct InFlight {
    std::uint64_t sequence_first;
    TimeMs dirty_since;
  };

  std::uint64_t next_sequence();
  static EntryAt oldest_dirty(const Cache& cache);
  static BatchItem take(Cache& cache, EntryAt entry);
  static void clean(Cache& cache, EntryAt entry, const BatchItem& item);
  void restore(Cache& cache, EntryAt entry, const BatchItem& item) const;

  Catalog& catalog_;
  std::optional<InFlight> in_flight_since_;
  DirtyTotals totals_;
};

}  // namespace pannier::storage
