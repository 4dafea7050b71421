// Catalog: all caches, by name, and what they share: the memory limit, the order of use across them, the
// deadlines, the versions, and the write-back. It does no I/O and asks for no time.
//
// When memory is short, what goes first, and in this order: entries of dropped caches, expired ones, stale
// ones, then the least recently used of all caches that are above their reserved_bytes. Dirty durable entries
// never go. Clean durable ones go without being counted or told: they are on disk.
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

#include "storage/cache.h"
#include "storage/settings.h"
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
/// Key, value, and all that an entry costs the heap beside them. Not its part of the index: that is no fixed
/// number, and counted whole in memory_used().
std::uint64_t entry_charge(std::uint64_t key_bytes, std::uint64_t value_bytes);

struct CatalogOptions {
  std::uint64_t memory_bytes_max = std::uint64_t{256} << 20;  ///< charges and index of all caches together
  std::uint64_t dirty_bytes_max = std::uint64_t{64} << 20;    ///< above it, durable writes are DirtyFull
  std::uint32_t caches_max = 1'024;
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

/// A cache that was there and is not any more; its memory is taken back by step().
struct Dropped {
  CacheId id;
  bool was_durable;
};

class Catalog {
 public:
  /// `listener` must outlive the catalog.
  Catalog(const CatalogOptions& options, ChangeListener& listener);
  ~Catalog();
  Catalog(const Catalog&) = delete;
  Catalog& operator=(const Catalog&) = delete;

  // -- caches

  Cache* find(std::string_view name);
  Cache* find(CacheId id);
  /// Settings must have passed fault_of(). A new cache gets an id that no cache had before, see next_id.
  OpenOutcome open(std::string_view name, const Settings& settings, bool alter, TimeMs now);
  /// A durable cache as it was found on disk. Precondition: neither its name nor its id is in use.
  Cache& restore(const Definition& definition);
  /// Ids up to this one are or were in use on disk.
  void raise_next_id(CacheId above);
  std::optional<Dropped> drop(std::string_view name);
  /// In the order of their names.
  std::vector<Cache*> caches();

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
  Version versions_left() const;
  Version version_last() const;
  /// A number for other purposes (a lease's token) that no version and no other call ever gave. Nothing if
  /// none is left.
  std::optional<Version> take_version();

  std::uint64_t memory_used() const { return memory_bytes_; }
  const CatalogOptions& options() const { return options_; }

 private:
  friend class Cache;      // takes memory, stamps and versions, tells changes
  friend class WriteBack;  // finds caches by id
  friend class Check;

  // -- catalog_open.cc

  Cache& add(CacheId id, std::string_view name, const Settings& settings);
  std::optional<OpenRefused> reservation_fault(const Settings& settings, const Cache* except) const;
  OpenOutcome alter_or_conflict(Cache& cache, const Settings& settings, bool alter);

  // -- catalog_memory.cc

  /// What the reservations of others and an index leave to the largest entry of `cache`.
  std::uint64_t memory_left_to(const Cache& cache) const;
  /// False if what is left is pinned.
  bool make_room(Cache& cache, std::uint64_t charge_bytes, const Entry* old_entry, TimeMs now);
  /// Each: one entry goes or gets nearer to it; false if there is none.
  bool take_back_one(const Cache& cache, const Entry* except, TimeMs now);
  bool free_dropped_one();
  bool expire_one(TimeMs now);
  bool drop_stale_one(const Entry* except, TimeMs now);
  bool evict_one(const Cache& cache, const Entry* except, TimeMs now);
  void refresh_work_bound();

  CatalogOptions options_;
  ChangeListener& listener_;
  const std::uint64_t hash_seed_;
  std::uint64_t memory_bytes_ = 0;
  std::uint64_t stamp_ = 0;
  Version version_next_ = 1;
  Version versions_bound_ = 1;
  ClearId clear_last_ = 0;
  CacheId id_last_ = 0;
  TimeMs work_bound_ = kNever;  ///< no wheel has anything to do before
  bool is_trimming_ = false;    ///< a cache may be over its altered bounds
  std::size_t sweep_from_ = 0;  ///< where in caches_ the next sweep starts
  WriteBack write_back_{*this};
  std::map<std::string, std::unique_ptr<Cache>, std::less<>> by_name_;
  std::unordered_map<CacheId, Cache*> by_id_;
  std::vector<Cache*> caches_;
  std::vector<std::unique_ptr<Cache>> dropped_;
};

}  // namespace pannier::storage
