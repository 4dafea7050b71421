// DurableStore: what the durable tier needs of a disk. The one seam between storage and the outside.
//
// Thread safety: load() and scan() may be called by several threads at once, and while one other thread is in
// one of the writing methods (those that are not const); at most one thread may be in a writing method. All
// of them block on the disk: they belong on a worker thread, never on the loop.
//
// Every writing method is atomic and fsync'ed: when it answers without an error all it wrote survives power
// loss. When it fails, all or nothing of it is there, and which of both nobody knows until the store is read
// again: the caller has to repeat it, with OnDisk::kUnknown for all keys of a failed batch. Every writing
// method may be repeated. After an error the store may refuse everything until reopen() succeeded.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "storage/settings.h"
#include "storage/types.h"

namespace pannier::storage {

/// The disk failed, or what it holds is damaged; `text` says how, for logs and error replies.
struct StoreError {
  std::string text;
  bool is_damage = false;  ///< what is on disk is not what was written
};

/// An entry as it is on disk.
struct Record {
  std::string value;
  Version version = 0;
  TimeMs deadline = kNever;
  std::uint64_t stale_ms = 0;
};

/// A durable cache as it was found on disk.
struct Definition {
  CacheId id = 0;
  std::string name;
  Settings settings;
  std::uint64_t disk_entries = 0;  ///< records of this cache on disk
};

/// What is known about whether a key has a record on disk before a batch is written; kUnknown costs a
/// look-up. A wrong one spoils the cache's disk_entries. Never kYes or kNo for a key whose latest batch
/// failed.
enum class OnDisk : std::uint8_t { kNo, kYes, kUnknown };

/// One entry of a batch: a record to be written, or (no record) a key to be erased.
struct BatchItem {
  CacheId cache = 0;
  std::string key;
  std::optional<Record> record;
  OnDisk on_disk = OnDisk::kUnknown;
  std::uint64_t sequence = 0;  ///< the dirty sequence it was taken with (write_back.h)
};

struct Batch {
  std::vector<BatchItem> items;  ///< in the order of their sequences
  std::uint64_t bytes = 0;       ///< of keys and values
  std::uint64_t number = 0;      ///< of those that were taken, in order
};

struct DiskEntries {
  CacheId cache;
  std::uint64_t disk_entries;
};
/// A batch is on disk: the new counts of the caches that it touched. `unreadable`: whether a key had a record
/// could not be read, this first; it counts as one that had none, so that a count may be too high.
struct Wrote {
  std::vector<DiskEntries> counts;
  std::optional<StoreError> unreadable = std::nullopt;
};

struct Absent {};

struct ScannedKey {
  std::string key;
  Version version;
  TimeMs deadline;
  std::uint64_t stale_ms = 0;
};
/// A piece of a walk over a cache in key order. `next_key`: where to go on (itself included); nothing at the
/// end. `unreadable`: the walk went on past something that cannot be read, this first; its keys are missing.
struct Scanned {
  std::vector<ScannedKey> keys;
  std::optional<std::string> next_key;
  std::optional<StoreError> unreadable;
};

struct EraseRange {
  CacheId cache = 0;
  std::string prefix;
  std::string from_key;               ///< go on here; empty at the start
  Version version_max = kVersionMax;  ///< records with a higher one stay
  TimeMs now = 0;                     ///< records past their deadline by then do not count as live
};
/// `unreadable`: records that cannot be read, this first, were left where they are.
struct ErasedSome {
  std::uint64_t erased_live = 0;
  std::uint64_t disk_entries = 0;       ///< of the cache, afterwards
  std::optional<std::string> next_key;  ///< nothing at the end of the range
  std::optional<StoreError> unreadable;
};

struct ImageRecord {
  std::string key;
  Record record;
};
/// A record that cannot be read, or (no key) nobody knows how many of them.
struct Unreadable {
  std::optional<std::string> key;
  StoreError error;
};
/// A piece of a cache in key order, without what cannot be read. `next_key`: where to go on (itself
/// included); nothing at the end.
struct ImagePiece {
  std::vector<ImageRecord> records;
  std::vector<Unreadable> unreadable;
  std::optional<std::string> next_key;
};

/// The records of a store as they were at one moment, whatever is written later. What was erased since keeps
/// its place on disk as long as there is an image of it.
///
/// Thread safety: that of DurableStore's reading methods, the end of it included. It must not outlive its
/// store.
class StoreImage {
 public:
  virtual ~StoreImage() = default;
  /// The records from `from_key` on, about `bytes_max` of keys and values, and at least one if there is one.
  /// Damage is gone past, and never answered as a record; not even an older one of the same key is. After the
  /// store was reopened everything is a StoreError.
  virtual std::variant<ImagePiece, StoreError> read(CacheId cache, std::string_view from_key,
                                                    std::uint64_t bytes_max) const = 0;
  /// How many records the cache had then, those that cannot be read included.
  virtual std::uint64_t disk_entries(CacheId cache) const = 0;
};

/// `goes_on`: what a rest has begun, and it may still fail; to be asked again in a moment.
struct Rested {
  bool goes_on = false;
};

class DurableStore {
 public:
  virtual ~DurableStore() = default;

  /// The definitions found on disk, and the caches whose erasing (begin_drop) was begun but not ended.
  virtual std::variant<std::vector<Definition>, StoreError> definitions() const = 0;
  virtual std::variant<std::vector<CacheId>, StoreError> unfinished_drops() const = 0;

  /// Writes or replaces the definition of a cache; its disk_entries are kept (0 for a new one). If another
  /// cache has that name on disk (left by a define() that failed), its dropping is begun with it.
  virtual std::optional<StoreError> define(CacheId id, std::string_view name, const Settings& settings) = 0;
  /// Takes the definition away and notes that the cache's records are to be erased; erase_some does it, step
  /// by step, and end_drop removes the note. Precondition of end_drop: all records are erased.
  virtual std::optional<StoreError> begin_drop(CacheId id) = 0;
  virtual std::optional<StoreError> end_drop(CacheId id) = 0;

  /// Writes all items of all batches at once. No two of them have the same cache and key. An item of a cache
  /// that has no definition (it was dropped meanwhile) is left out. What each batch wrote, as if it had been
  /// written alone after those before it. A look-up that fails without damage is an error once, and
  /// unreadable when the call is repeated.
  virtual std::variant<std::vector<Wrote>, StoreError> write(std::span<const Batch> batches) = 0;
  /// Looks at `steps_max` records of the range at most, and at about 1 MiB of keys, and erases those that are
  /// to go. A damaged record goes too, whatever its version, and does not count as live; but a record that
  /// may not be the newest of its key, because that lies where nothing can be read, stays.
  virtual std::variant<ErasedSome, StoreError> erase_some(const EraseRange& range,
                                                          std::uint64_t steps_max) = 0;

  /// A damaged record is a StoreError, never a wrong value.
  virtual std::variant<Record, Absent, StoreError> load(CacheId cache, std::string_view key) const = 0;
  /// At most `keys_max` keys, and at most about 1 MiB of them, that start with `prefix`, from `from_key` on.
  /// Past damage as StoreImage::read() does it.
  virtual std::variant<Scanned, StoreError> scan(CacheId cache, std::string_view prefix,
                                                 std::string_view from_key, std::uint64_t keys_max) const = 0;

  /// What is on disk now. A writing method as to threads, so that the caller knows which batches it holds.
  virtual std::variant<std::shared_ptr<const StoreImage>, StoreError> open_image() = 0;

  /// Versions below the reserved bound may have been used by an earlier process: start above it. 0 on a new
  /// store.
  virtual std::variant<Version, StoreError> reserved_versions() const = 0;
  virtual std::optional<StoreError> reserve_versions(Version bound) = 0;

  /// 32 hexadecimal digits, drawn at random when the store was made: no other store has them, but a copy of
  /// this one.
  virtual std::variant<std::string, StoreError> identity() const = 0;

  /// To be called when nothing was written for a moment. What a process that is killed now would leave for
  /// the next one to read again at its start is made short, beside writes that come meanwhile.
  virtual std::variant<Rested, StoreError> rest() = 0;

  /// After an error: closes and opens the store again.
  virtual std::optional<StoreError> reopen() = 0;
};

}  // namespace pannier::storage
