// Entry: a key with its value, or the memory of a durable key that has none, in one allocation: this header,
// then the key's bytes, then the value's. An entry never changes its size; an overwrite makes a new one.
//
// Owned by its cache, which links it into the index, into at most one EntryList, and into the wheel of
// deadlines. The links and flags are written by the part that they belong to, named beside each.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "storage/durable_store.h"
#include "storage/types.h"

namespace pannier::storage {

struct Entry {
  enum class Kind : std::uint8_t {
    kRecord,     ///< has a value
    kTombstone,  ///< durable, erased or expired in memory, and the disk does not know yet
    kVacant,     ///< durable, known to be absent; kept while someone waits for that knowledge
  };
  enum class List : std::uint8_t { kNone, kRecency, kStale, kDirty };
  static constexpr std::uint16_t kNoSlot = 0xffff;

  Entry* chain = nullptr;  ///< Index: next of the same bucket
  Entry* older = nullptr;  ///< EntryList
  Entry* newer = nullptr;
  Entry* due_next = nullptr;  ///< Deadlines
  Entry* due_previous = nullptr;

  std::uint64_t hash = 0;
  Version version = 0;
  /// The stamp by which lists of several caches compare: of the last use (fifo: of insertion) in the recency
  /// order, of its expiry among the stale, the dirty sequence among the dirty and in flight.
  std::uint64_t place = 0;
  TimeMs deadline = kNever;
  std::uint64_t stale_ms = 0;
  TimeMs dirty_since = kNever;
  std::uint64_t charge_bytes = 0;
  std::uint64_t value_bytes = 0;
  std::uint16_t key_bytes = 0;
  std::uint16_t due_slot = kNoSlot;  ///< Deadlines: where it is linked

  Kind kind = Kind::kRecord;
  List list = List::kNone;
  OnDisk on_disk = OnDisk::kNo;
  bool is_expired = false;    ///< its expiry was counted and told; it goes on as stale
  bool is_dirty = false;      ///< differs from the disk and from what is in flight
  bool is_in_flight = false;  ///< a state of it is in the batch in flight
  bool is_held = false;       ///< someone waits for a load of its key
  bool is_ahead = false;      ///< clean, but the version on disk is an older one

  std::string_view key() const { return {bytes(), key_bytes}; }
  std::string_view value() const { return {bytes() + key_bytes, value_bytes}; }
  bool has_value() const { return kind == Kind::kRecord; }
  /// Must stay in memory until the disk has it.
  bool is_unwritten() const { return is_dirty || is_in_flight; }

 private:
  const char* bytes() const { return reinterpret_cast<const char*>(this + 1); }
};

struct EntryDeleter {
  void operator()(Entry* entry) const;
};
using EntryPointer = std::unique_ptr<Entry, EntryDeleter>;

/// An unlinked entry with a copy of both. Aborts when the system has no memory left.
EntryPointer make_entry(std::uint64_t hash, std::string_view key, std::string_view value);

/// When an entry stops being of use to anyone: the end of its stale window. Saturates at kNever.
TimeMs stale_end(const Entry& entry);
/// `time` + `span_ms`, kNever where that does not fit.
TimeMs later(TimeMs time, std::uint64_t span_ms);

}  // namespace pannier::storage
