// Catalog: all caches, by name, and what they share: the memory limit, the order of use across them, the deadlines, the
// versions, and the write-back. It does no I/O and asks for no time.
//
// When memory is short, what goes first, and in this order: entries of dropped caches, expired ones, stale ones, then the
// least recently used of all caches that are above their reserved_bytes. Dirty durable entries never go. Clean durable
// ones go without being counted or told: they are on disk.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "storage/cache.h"
#include "storage/settings.h"
#include "storage/types.h"
#include "storage/write_back.h"

namespace pannier::storage {

/// Why an entry changed or went.
enum class Change : std::uint8_t { kWritten, kErased, kExpired, kEvicted };

/// Is told of every change of an entry as it happens, one's own writes included; not of clears and drops, which their
/// callers know about, nor of clean durable entries leaving memory. Must not call back into storage.
class ChangeListener {
 public:
  virtual ~ChangeListener() = default;
  virtual void changed(const Cache& cache, std::string_view key, Change change) = 0;
};

/// The charge of an entry in bytes, from the sizes of its key and value.
using ChargeFunction = std::uint64_t (*)(std::uint64_t key_bytes, std::uint64_t value_bytes);
/// Key, value, and all that an entry costs beside them.
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

  /// Takes back what is past its deadline, what was dropped, and what is over an altered bound; looks at about
  /// `visits_max` entries. True while there is more to do at `now`.
  bool step(TimeMs now, std::uint64_t visits_max);
  /// When step() has something to do next: never later than the earliest deadline, maybe earlier; kNever if nothing.
  TimeMs next_due() const;
  /// By how much the oldest entry that is past its deadline and not yet taken back is late at `now`; 0 if none.
  std::uint64_t expiry_lag_ms(TimeMs now) const;

  // -- what they share

  WriteBack& write_back();
  /// Versions and tokens from `from` (included) to `bound` (excluded) may be given out.
  void set_versions(Version from, Version bound);
  Version versions_left() const;
  Version version_last() const;
  /// A number for other purposes (a lease's token) that no version and no other call ever gave. Nothing if none is left.
  std::optional<Version> take_version();

  std::uint64_t memory_used() const;
  const CatalogOptions& options() const;
};

}  // namespace pannier::storage
