#include "storage/check.h"

#include <array>

namespace pannier::storage {
namespace {

std::optional<std::string> unless(bool holds, std::string_view what) {
  if (holds) return std::nullopt;
  return std::string(what);
}

}  // namespace

/// What a walk over a cache's entries adds up to.
struct Check::Sums {
  std::uint64_t entries = 0;
  std::uint64_t bytes = 0;
  std::uint64_t waiting = 0;  ///< in the wheel
  DirtyTotals unwritten;
  std::int64_t beyond_disk = 0;
  std::array<std::uint64_t, 4> listed{};
};

Check::Residence Check::residence_of(const Cache& cache, std::string_view key) {
  const Entry* entry = cache.entry_of(key);
  if (entry == nullptr) return {};
  return {true, entry->is_expired, entry->is_unwritten(), entry->charge_bytes};
}

Check::Fault Check::fault_of(const Catalog& catalog) {
  std::uint64_t bytes = 0;
  DirtyTotals unwritten;
  for (const Cache* cache : catalog.caches_) {
    if (auto fault = fault_of(*cache)) return "cache " + cache->name() + ": " + *fault;
    bytes += cache->used_bytes_ + cache->index_.bytes();
    unwritten.entries += cache->unwritten_.entries;
    unwritten.bytes += cache->unwritten_.bytes;
    if (cache->is_over_bounds() && !catalog.is_trimming_)
      return "cache " + cache->name() + " is over its bounds";
    if (cache->deadlines_.next_work() < catalog.work_bound_) return "a wheel has work before the bound";
  }
  for (const auto& cache : catalog.dropped_) {
    bytes += cache->index_.bytes();
    for (std::optional<std::uint64_t> point = 0; point;) {
      const Index::Bucket bucket = cache->index_.bucket_at(*point);
      for (const Entry* entry = bucket.first; entry != nullptr; entry = entry->chain)
        bytes += entry->charge_bytes;
      point = bucket.next_point();
    }
  }
  const DirtyTotals& totals = catalog.write_back_.totals_;
  if (auto fault = unless(bytes == catalog.memory_bytes_, "the sum of the memory is wrong")) return fault;
  if (auto fault = unless(bytes <= catalog.options_.memory_bytes_max, "the memory limit is exceeded"))
    return fault;
  return unless(unwritten.entries == totals.entries && unwritten.bytes == totals.bytes,
                "the dirty totals are wrong");
}

Check::Fault Check::fault_of(const Cache& cache) {
  Sums sums;
  for (std::optional<std::uint64_t> point = 0; point;) {
    const Index::Bucket bucket = cache.index_.bucket_at(*point);
    for (const Entry* entry = bucket.first; entry != nullptr; entry = entry->chain) {
      if (auto fault = fault_of(cache, *entry, sums)) return *fault + ": key " + std::string(entry->key());
    }
    point = bucket.next_point();
  }
  const auto listed = [&](Entry::List list) { return sums.listed[static_cast<std::size_t>(list)]; };
  const std::uint64_t recency = listed(Entry::List::kRecency);
  if (auto fault = fault_of_list(cache.policy_->victim(nullptr), Entry::List::kRecency, recency))
    return fault;
  const std::uint64_t stale = listed(Entry::List::kStale);
  if (auto fault = fault_of_list(cache.stale_.oldest(), Entry::List::kStale, stale)) return fault;
  const std::uint64_t dirty = listed(Entry::List::kDirty);
  if (auto fault = fault_of_list(cache.dirty_.oldest(), Entry::List::kDirty, dirty)) return fault;
  if (auto fault = fault_of(cache.deadlines_, sums.waiting)) return fault;
  return fault_of_sums(cache, sums);
}

Check::Fault Check::fault_of_sums(const Cache& cache, const Sums& sums) {
  if (auto fault = unless(sums.entries == cache.index_.size(), "the number of entries is wrong"))
    return fault;
  if (auto fault = unless(sums.bytes == cache.used_bytes_, "the sum of the charges is wrong")) return fault;
  if (auto fault = unless(sums.beyond_disk == cache.beyond_disk_, "the entries beyond the disk are wrong"))
    return fault;
  return unless(
      sums.unwritten.entries == cache.unwritten_.entries && sums.unwritten.bytes == cache.unwritten_.bytes,
      "the sums of dirty entries are wrong");
}

Check::Fault Check::fault_of(const Cache& cache, const Entry& entry, Sums& sums) {
  ++sums.entries;
  sums.bytes += entry.charge_bytes;
  ++sums.listed[static_cast<std::size_t>(entry.list)];
  if (entry.due_slot != Entry::kNoSlot) ++sums.waiting;
  if (entry.is_unwritten()) {
    ++sums.unwritten.entries;
    sums.unwritten.bytes += entry.charge_bytes;
    if (entry.has_value()) sums.beyond_disk += entry.on_disk == OnDisk::kYes ? 0 : 1;
    if (!entry.has_value()) sums.beyond_disk -= entry.on_disk == OnDisk::kYes ? 1 : 0;
  }
  if (cache.entry_of(entry.key()) != &entry) return "is not found by its key";
  const bool has_due = entry.has_value() && due_of(entry) != kNever;
  if (has_due != (entry.due_slot != Entry::kNoSlot))
    return "is in the wheel without a deadline, or has one and is not";
  if (cache.catalog_.options_.charge(entry.key_bytes, entry.value_bytes) != entry.charge_bytes)
    return "wrong charge";
  return fault_of_place(cache, entry);
}

Check::Fault Check::fault_of_place(const Cache& cache, const Entry& entry) {
  if (!cache.is_durable() && (!entry.has_value() || entry.is_unwritten() || entry.is_held)) {
    return "has a durable entry's flags";
  }
  if (entry.kind == Entry::Kind::kTombstone && !entry.is_unwritten())
    return "is a tombstone that nobody needs";
  if (entry.kind == Entry::Kind::kVacant && !entry.is_held) return "is vacant and nobody waits for it";
  if (entry.is_ahead && entry.is_unwritten()) return "is dirty and ahead of the disk";
  Entry::List list = entry.is_expired ? Entry::List::kStale : Entry::List::kRecency;
  if (entry.is_held || entry.is_in_flight) list = Entry::List::kNone;
  if (entry.is_dirty) list = Entry::List::kDirty;
  return unless(entry.list == list, "is in the wrong list");
}

Check::Fault Check::fault_of_list(const Entry* oldest, Entry::List list, std::uint64_t size) {
  const Entry* older = nullptr;
  std::uint64_t met = 0;
  for (const Entry* entry = oldest; entry != nullptr; entry = entry->newer) {
    if (entry->list != list || entry->older != older) return "the links of a list are broken";
    if (older != nullptr && older->place >= entry->place) return "a list is not in order";
    older = entry;
    if (++met > size) break;
  }
  return unless(met == size, "a list has not the entries that say so");
}

Check::Fault Check::fault_of(const Deadlines& deadlines, std::uint64_t size) {
  std::uint64_t met = 0;
  for (unsigned level = 0; level < Deadlines::kLevels; ++level) {
    for (unsigned slot = 0; slot < Deadlines::kSlots; ++slot) {
      const Entry* first = deadlines.levels_[level].slots[slot];
      const bool is_used = ((deadlines.levels_[level].used >> slot) & 1) != 0;
      if (is_used != (first != nullptr)) return "the wheel's bits are wrong";
      const Entry* previous = nullptr;
      for (const Entry* entry = first; entry != nullptr; entry = entry->due_next, ++met) {
        if (entry->due_slot != level * Deadlines::kSlots + slot)
          return "an entry is in another slot than it says";
        if (entry->due_previous != previous) return "the links of a slot are broken";
        if (level == 0 && due_of(*entry) > static_cast<TimeMs>(deadlines.first_turn(0).number) + 63) {
          return "an entry would be due too early";
        }
        previous = entry;
      }
    }
  }
  return unless(met == size && met == deadlines.size_, "the wheel has not the entries that say so");
}

}  // namespace pannier::storage
