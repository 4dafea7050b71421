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

std::uint64_t bytes_of(const Entry& entry) { return entry.key_bytes + entry.value_bytes; }

}  // namespace

std::optional<Batch> WriteBack::take_batch(const BatchLimits& limits) {
  if (in_flight()) return std::nullopt;
  std::priority_queue<Head> heads;
  for (Cache* cache : catalog_.caches_) {
    if (const Entry* entry = cache->dirty_.oldest()) heads.push({entry->place, cache});
  }
  if (heads.empty()) return std::nullopt;
  in_flight_since_ = InFlight{heads.top().sequence, oldest_dirty_since()};
  Batch batch;
  while (!heads.empty() && batch.items.size() < limits.items_max) {
    Cache& cache = *heads.top().cache;
    Entry& entry = *cache.dirty_.oldest();
    if (!batch.items.empty() && batch.bytes + bytes_of(entry) > limits.bytes_max) break;
    batch.items.push_back(take(cache, entry));
    batch.bytes += bytes_of(batch.items.back());
    heads.pop();
    if (const Entry* next = cache.dirty_.oldest()) heads.push({next->place, &cache});
  }
  std::ranges::sort(batch.items, {}, [](const BatchItem& item) {
    return std::tuple<CacheId, std::string_view>(item.cache, item.key);
  });
  return batch;
}

BatchItem WriteBack::take(Cache& cache, Entry& entry) {
  BatchItem item{cache.id(), std::string(entry.key()), std::nullopt, entry.on_disk, entry.place};
  if (entry.has_value()) {
    item.record = Record{std::string(entry.value()), entry.version, entry.deadline, entry.stale_ms};
  }
  cache.dirty_.remove(entry);
  entry.is_in_flight = true;
  entry.is_dirty = false;
  return item;
}

void WriteBack::batch_done(const Batch& batch, const Wrote& wrote) {
  in_flight_since_.reset();
  for (const BatchItem& item : batch.items) {
    Cache* cache = catalog_.find(item.cache);
    if (cache == nullptr) continue;
    Entry* entry = cache->entry_of(item.key);
    if (entry == nullptr || !entry->is_in_flight) broken("an entry left memory before the disk had it");
    clean(*cache, *entry, item);
  }
  for (const DiskEntries& count : wrote.counts) {
    if (Cache* cache = catalog_.find(count.cache)) cache->set_disk_entries(count.disk_entries);
  }
}

void WriteBack::clean(Cache& cache, Entry& entry, const BatchItem& item) {
  cache.uncount(entry);
  entry.is_in_flight = false;
  entry.on_disk = item.record ? OnDisk::kYes : OnDisk::kNo;
  const bool may_be_cleared = item.record && cache.clear_of(item.key, item.record->version) != nullptr;
  if (may_be_cleared) entry.on_disk = OnDisk::kUnknown;
  cache.count(entry);
  if (entry.is_dirty) return;
  if (item.record) {
    cache.set_ahead(entry, entry.version != item.record->version);
  } else {
    entry.kind = Entry::Kind::kVacant;
  }
  cache.settle(entry);
}

void WriteBack::batch_failed(const Batch& batch) {
  std::vector<const BatchItem*> latest_first;
  latest_first.reserve(batch.items.size());
  for (const BatchItem& item : batch.items) latest_first.push_back(&item);
  std::ranges::sort(latest_first, std::ranges::greater{}, &BatchItem::sequence);
  for (const BatchItem* item : latest_first) {
    Cache* cache = catalog_.find(item->cache);
    if (cache == nullptr) continue;
    Entry* entry = cache->entry_of(item->key);
    if (entry == nullptr || !entry->is_in_flight) broken("an entry left memory before the disk had it");
    restore(*cache, *entry, *item);
  }
  in_flight_since_.reset();
}

void WriteBack::restore(Cache& cache, Entry& entry, const BatchItem& item) const {
  cache.uncount(entry);
  if (entry.is_dirty) {
    cache.dirty_.remove(entry);
    entry.dirty_since = std::min(entry.dirty_since, in_flight_since_->dirty_since);
  }
  entry.is_in_flight = false;
  entry.is_dirty = true;
  entry.on_disk = OnDisk::kUnknown;  // a failed write may be on disk nevertheless
  entry.place = item.sequence;
  cache.dirty_.push_oldest(entry);
  cache.count(entry);
}

std::uint64_t WriteBack::clean_through() const {
  std::uint64_t first = in_flight() ? in_flight_since_->sequence_first : sequence_last_ + 1;
  for (const Cache* cache : catalog_.caches_) {
    if (const Entry* entry = cache->dirty_.oldest()) first = std::min(first, entry->place);
  }
  return first - 1;
}

TimeMs WriteBack::oldest_dirty_since() const {
  TimeMs oldest = in_flight() ? in_flight_since_->dirty_since : kNever;
  for (const Cache* cache : catalog_.caches_) {
    if (const Entry* entry = cache->dirty_.oldest()) oldest = std::min(oldest, entry->dirty_since);
  }
  return oldest;
}

}  // namespace pannier::storage
