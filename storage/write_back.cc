#include "storage/write_back.h"

#include <algorithm>
#include <queue>
#include <string_view>
#include <tuple>

#include "storage/broken.h"
#include "storage/catalog.h"

namespace pannier::storage {
namespace {

/// A cache by the sequence of its oldest dirty entry.
struct Head {
  std::uint64_t sequence;
  Cache* cache;
  bool operator<(const Head& other) const { return sequence > other.sequence; }  // the oldest is the greatest
};

std::uint64_t bytes_of(const BatchItem& item) {
  return item.key.size() + (item.record ? item.record->value.size() : 0);
}

std::uint64_t bytes_of(const Entry& entry) {
  return entry.key_bytes() + (entry.has_value() ? entry.value_bytes : 0);
}

}  // namespace

EntryAt WriteBack::oldest_dirty(const Cache& cache) { return cache.list(Entry::List::kDirty).oldest(); }

std::optional<Batch> WriteBack::take_batch(const BatchLimits& limits) {
  if (in_flight()) return std::nullopt;
  std::priority_queue<Head> heads;
  for (Cache* cache : catalog_.caches_) {
    if (const EntryAt entry = oldest_dirty(*cache)) heads.push({entry->place(), cache});
  }
  if (heads.empty()) return std::nullopt;
  in_flight_since_ = InFlight{heads.top().sequence, oldest_dirty_since()};
  Batch batch;
  while (!heads.empty() && batch.items.size() < limits.items_max) {
    Cache& cache = *heads.top().cache;
    const EntryAt entry = oldest_dirty(cache);
    if (!batch.items.empty() && batch.bytes + bytes_of(*entry) > limits.bytes_max) break;
    batch.items.push_back(take(cache, entry));
    batch.bytes += bytes_of(batch.items.back());
    heads.pop();
    if (const EntryAt next = oldest_dirty(cache)) heads.push({next->place(), &cache});
  }
  std::ranges::sort(batch.items, {}, [](const BatchItem& item) {
    return std::tuple<CacheId, std::string_view>(item.cache, item.key);
  });
  return batch;
}

BatchItem WriteBack::take(Cache& cache, EntryAt entry) {
  const Transaction transaction(cache.arena_);
  BatchItem item{cache.id(), key_of(cache.arena_, entry).str(), std::nullopt, entry->on_disk(),
                 entry->place()};
  if (entry->has_value()) {
    item.record =
        Record{value_of(cache.arena_, entry).str(), entry->version(), entry->deadline(), entry->stale_ms()};
  }
  cache.unlist(entry);
  set_state(cache.arena_, entry, Entry::kInFlight, Entry::kInFlight);
  cache.push(Entry::List::kInFlight, entry);
  return item;
}

void WriteBack::batch_done(const Batch& batch, const Wrote& wrote) {
  in_flight_since_.reset();
  for (const BatchItem& item : batch.items) {
    Cache* cache = catalog_.find(item.cache);
    if (cache == nullptr) continue;
    const EntryAt entry = cache->entry_of(item.key);
    if (!entry || !entry->is_in_flight()) broken("an entry left memory before the disk had it");
    clean(*cache, entry, item);
  }
  for (const DiskEntries& count : wrote.counts) {
    if (Cache* cache = catalog_.find(count.cache)) cache->set_disk_entries(count.disk_entries);
  }
}

void WriteBack::clean(Cache& cache, EntryAt entry, const BatchItem& item) {
  const Transaction transaction(cache.arena_);
  cache.uncount(entry);
  set_state(cache.arena_, entry, Entry::kInFlight, 0);
  const bool may_be_cleared =
      item.record && cache.clear_of(BytesView(item.key), item.record->version) != nullptr;
  OnDisk on_disk = item.record ? OnDisk::kYes : OnDisk::kNo;
  if (may_be_cleared) on_disk = OnDisk::kUnknown;
  set_on_disk(cache.arena_, entry, on_disk);
  cache.count(entry);
  if (entry->is_dirty()) return;
  cache.unlist(entry);
  if (!item.record) set_kind(cache.arena_, entry, Entry::Kind::kVacant);
  const bool is_ahead = item.record && entry->version() != item.record->version;
  // An ahead entry that somebody holds would be in two lists: it is written once more.
  if (is_ahead && entry->is_held()) {
    cache.mark_dirty(entry, entry->dirty_since());
  } else if (is_ahead) {
    set_place(cache.arena_, entry, cache.stamp());
    cache.push(Entry::List::kAhead, entry);
  } else {
    cache.settle(entry);
  }
}

void WriteBack::batch_failed(const Batch& batch) {
  std::vector<const BatchItem*> latest_first;
  latest_first.reserve(batch.items.size());
  for (const BatchItem& item : batch.items) latest_first.push_back(&item);
  std::ranges::sort(latest_first, std::ranges::greater{}, &BatchItem::sequence);
  for (const BatchItem* item : latest_first) {
    Cache* cache = catalog_.find(item->cache);
    if (cache == nullptr) continue;
    const EntryAt entry = cache->entry_of(item->key);
    if (!entry || !entry->is_in_flight()) broken("an entry left memory before the disk had it");
    restore(*cache, entry, *item);
  }
  in_flight_since_.reset();
}

void WriteBack::restore(Cache& cache, EntryAt entry, const BatchItem& item) const {
  const Transaction transaction(cache.arena_);
  cache.uncount(entry);
  const TimeMs since = std::min(entry->dirty_since(), in_flight_since_->dirty_since);
  cache.unlist(entry);
  set_state(cache.arena_, entry, Entry::kInFlight, 0);
  set_on_disk(cache.arena_, entry, OnDisk::kUnknown);  // a failed write may be on disk nevertheless
  set_place(cache.arena_, entry, item.sequence);
  cache.arena_.set(entry->since_word(), static_cast<std::uint64_t>(since));
  cache.list(Entry::List::kDirty).push_oldest(entry);
  cache.count(entry);
}

std::vector<ClearedRange> WriteBack::cleared_ranges(const Cache& cache) {
  std::vector<ClearedRange> ranges;
  for (const auto& clear : cache.clears_) ranges.push_back({clear.prefix, clear.version});
  return ranges;
}

std::uint64_t WriteBack::sequence_last() const { return catalog_.arena_->header().sequence_last; }

// Not noted in the journal: a sequence that is left out does no harm.
std::uint64_t WriteBack::next_sequence() { return ++catalog_.arena_->header().sequence_last; }

std::uint64_t WriteBack::clean_through() const {
  std::uint64_t first = in_flight() ? in_flight_since_->sequence_first : sequence_last() + 1;
  for (const Cache* cache : catalog_.caches_) {
    if (const EntryAt entry = oldest_dirty(*cache)) first = std::min(first, entry->place());
  }
  return first - 1;
}

TimeMs WriteBack::oldest_dirty_since() const {
  TimeMs oldest = in_flight() ? in_flight_since_->dirty_since : kNever;
  for (const Cache* cache : catalog_.caches_) {
    if (const EntryAt entry = oldest_dirty(*cache)) oldest = std::min(oldest, entry->dirty_since());
  }
  return oldest;
}

}  // namespace pannier::storage
