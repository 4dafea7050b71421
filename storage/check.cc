#include "storage/check.h"

#include <vector>

#include "storage/arena_check.h"

namespace pannier::storage {
namespace {

std::optional<std::string> unless(bool holds, std::string_view what) {
  if (holds) return std::nullopt;
  return std::string(what);
}

}  // namespace

Check::Residence Check::residence_of(const Cache& cache, std::string_view key) {
  const EntryAt entry = cache.entry_of(key);
  if (!entry) return {};
  return {true, entry->is_expired(), entry->is_unwritten(), cache.charge_of(*entry)};
}

Check::Fault Check::fault_of(const Catalog& catalog) {
  if (auto fault = ArenaCheck(*catalog.arena_).fault()) return fault;
  DirtyTotals unwritten;
  std::uint64_t stale = 0;
  for (const Cache* cache : catalog.caches_) {
    if (auto fault = fault_of(*cache)) return "cache " + cache->name() + ": " + *fault;
    unwritten.entries += cache->dirty().entries;
    unwritten.bytes += cache->dirty().bytes;
    stale += cache->list(Entry::List::kStale).size();
    if (cache->is_over_bounds() && !catalog.is_trimming_)
      return "cache " + cache->name() + " is over its bounds";
    if (cache->deadlines_.next_work() < catalog.work_bound_) return "a wheel has work before the bound";
  }
  for (const auto& cache : catalog.dropped_) stale += cache->list(Entry::List::kStale).size();
  if (stale != catalog.stale_entries_) return "the number of stale entries is wrong";
  if (catalog.memory_used() > catalog.arena_->bytes()) return "more is free than there is";
  const DirtyTotals totals = catalog.write_back_.totals();
  return unless(unwritten.entries == totals.entries && unwritten.bytes == totals.bytes,
                "the dirty totals are wrong");
}

Check::Fault Check::fault_of(const Cache& cache) {
  Sums sums;
  std::vector<EntryAt> bucket;
  for (std::optional<std::uint64_t> point = 0; point;) {
    bucket.clear();
    point = Index::point_after(cache.index_.home_at(*point, bucket));
    for (const EntryAt entry : bucket) {
      sums.bytes += cache.charge_of(*entry);
      if (entry->is_unwritten()) sums.unwritten_bytes += cache.charge_of(*entry);
      if (auto fault = fault_of(cache, entry)) return *fault + ": key " + key_of(cache.arena_, entry).str();
    }
  }
  if (auto fault = unless(sums.bytes == cache.used_bytes(), "the sum of the charges is wrong")) return fault;
  return unless(sums.unwritten_bytes == cache.dirty().bytes, "the sum of dirty bytes is wrong");
}

Check::Fault Check::fault_of(const Cache& cache, EntryAt entry) {
  std::string scratch;
  if (!(cache.entry_of(key_of(cache.arena_, entry).whole(scratch)) == entry))
    return "is not found by its key";
  const bool has_due = entry->has_value() && due_of(*entry) != kNever;
  if (has_due != Deadlines::has(*entry)) return "is in the wheel without a deadline, or has one and is not";
  if (!cache.is_durable() && (!entry->has_value() || entry->is_unwritten() || entry->is_held()))
    return "has a durable entry's flags";
  if (entry->kind() == Entry::Kind::kTombstone && !entry->is_unwritten())
    return "is a tombstone that nobody needs";
  if (entry->kind() == Entry::Kind::kVacant && !entry->is_held()) return "is vacant and nobody waits for it";
  const bool may_be_ahead = entry->is_ahead() && !entry->is_unwritten();
  Entry::List list = entry->is_expired() ? Entry::List::kStale : Entry::List::kRecency;
  if (entry->is_held()) list = Entry::List::kHeld;
  if (entry->is_in_flight()) list = Entry::List::kInFlight;
  if (entry->is_dirty()) list = Entry::List::kDirty;
  return unless(entry->list() == list || may_be_ahead, "is in the wrong list");
}

}  // namespace pannier::storage
