#include "storage/write_back.h"

#include <algorithm>
#include <limits>
#include <queue>

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

Cache* WriteBack::oldest_cache() const {
  Cache* oldest = nullptr;
  std::uint64_t first = std::numeric_limits<std::uint64_t>::max();
  for (Cache* cache : catalog_.caches_) {
    const EntryAt entry = oldest_dirty(*cache);
    if (!entry || entry->place() > first) continue;
    first = entry->place();
    oldest = cache;
  }
  return oldest;
}

bool WriteBack::has_batch() const {
  if (in_flight_totals_.entries >= kInFlightItemsMax || in_flight_totals_.bytes >= kInFlightBytesMax)
    return false;
  const Cache* cache = oldest_cache();
  return cache != nullptr && !oldest_dirty(*cache)->is_in_flight();
}

std::optional<Batch> WriteBack::take_batch(const BatchLimits& limits) {
  if (!has_batch()) return std::nullopt;
  std::priority_queue<Head> heads;
  for (Cache* cache : catalog_.caches_) {
    if (const EntryAt entry = oldest_dirty(*cache)) heads.push({entry->place(), cache});
  }
  Batch batch;
  batch.number = ++batch_last_;
  batch.items.reserve(std::min(limits.items_max, totals_.entries));
  InFlight taken{batch.number, heads.top().sequence, oldest_waiting_since(), {}};
  while (!heads.empty()) {
    Cache& cache = *heads.top().cache;
    heads.pop();
    const std::uint64_t sequence_end =
        heads.empty() ? std::numeric_limits<std::uint64_t>::max() : heads.top().sequence;
    take_run(cache, sequence_end, limits, batch, taken);
    const EntryAt next = oldest_dirty(cache);
    if (next && next->place() < sequence_end) break;  // all that may be taken
    if (next) heads.push({next->place(), &cache});
  }
  in_flight_.push_back(taken);
  in_flight_totals_.entries += taken.totals.entries;
  in_flight_totals_.bytes += taken.totals.bytes;
  return batch;
}

void WriteBack::take_run(Cache& cache, std::uint64_t sequence_end, const BatchLimits& limits, Batch& batch,
                         InFlight& taken) {
  while (batch.items.size() < limits.items_max) {
    const EntryAt entry = oldest_dirty(cache);
    if (!entry || entry->place() > sequence_end || entry->is_in_flight()) return;
    if (!batch.items.empty() && batch.bytes + bytes_of(*entry) > limits.bytes_max) return;
    ++taken.totals.entries;
    taken.totals.bytes += cache.charge_of(*entry);
    batch.items.push_back(take(cache, entry));
    batch.bytes += bytes_of(batch.items.back());
  }
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

EntryAt WriteBack::entry_of(const Cache& cache, const BatchItem& item) {
  // Those that did not change since are listed as they were taken, which spares looking them up.
  const EntryList& in_flight = cache.list(Entry::List::kInFlight);
  for (const EntryAt entry : {in_flight.oldest(), in_flight.newest()}) {
    if (entry && entry->place() == item.sequence) return entry;
  }
  const EntryAt entry = cache.entry_of(item.key);
  if (!entry || !entry->is_in_flight()) broken("an entry left memory before the disk had it");
  return entry;
}

void WriteBack::batch_done(const Batch& batch, const Wrote& wrote) {
  if (!in_flight() || in_flight_.front().number != batch.number) broken("a batch ended before an older one");
  no_longer_in_flight(in_flight_.front());
  in_flight_.pop_front();
  Cache* cache = nullptr;
  CacheId id = 0;  // of no cache
  for (const BatchItem& item : batch.items) {
    if (item.cache != id) cache = catalog_.find(id = item.cache);
    if (cache == nullptr) continue;
    clean(*cache, entry_of(*cache, item), item);
  }
  for (const DiskEntries& count : wrote.counts) {
    if (Cache* written = catalog_.find(count.cache)) written->set_disk_entries(count.disk_entries);
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
  cache.know(entry, on_disk);
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
  if (!in_flight() || in_flight_.back().number != batch.number) broken("a batch failed before a later one");
  const InFlight failed = in_flight_.back();
  for (auto item = batch.items.rbegin(); item != batch.items.rend(); ++item) {
    Cache* cache = catalog_.find(item->cache);
    if (cache != nullptr) restore(*cache, entry_of(*cache, *item), *item, failed.dirty_since);
  }
  no_longer_in_flight(failed);
  in_flight_.pop_back();
}

void WriteBack::no_longer_in_flight(const InFlight& batch) {
  in_flight_totals_.entries -= batch.totals.entries;
  in_flight_totals_.bytes -= batch.totals.bytes;
}

void WriteBack::restore(Cache& cache, EntryAt entry, const BatchItem& item, TimeMs dirty_since) {
  const Transaction transaction(cache.arena_);
  cache.uncount(entry);
  const TimeMs since = std::min(entry->dirty_since(), dirty_since);
  cache.unlist(entry);
  set_state(cache.arena_, entry, Entry::kInFlight, 0);
  cache.know(entry, OnDisk::kUnknown);  // a failed write may be on disk nevertheless
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

// What is in flight may be of dropped caches, which the totals leave out.
DirtyTotals WriteBack::waiting() const {
  return {totals_.entries - std::min(totals_.entries, in_flight_totals_.entries),
          totals_.bytes - std::min(totals_.bytes, in_flight_totals_.bytes)};
}

bool WriteBack::is_all_in_flight() const { return oldest_cache() == nullptr; }

std::uint64_t WriteBack::clean_through() const {
  std::uint64_t first = sequence_last() + 1;
  for (const InFlight& batch : in_flight_) first = std::min(first, batch.sequence_first);
  if (const Cache* cache = oldest_cache()) first = std::min(first, oldest_dirty(*cache)->place());
  return first - 1;
}

TimeMs WriteBack::oldest_waiting_since() const {
  TimeMs oldest = kNever;
  for (const Cache* cache : catalog_.caches_) {
    if (const EntryAt entry = oldest_dirty(*cache)) oldest = std::min(oldest, entry->dirty_since());
  }
  return oldest;
}

TimeMs WriteBack::oldest_dirty_since() const {
  TimeMs oldest = oldest_waiting_since();
  for (const InFlight& batch : in_flight_) oldest = std::min(oldest, batch.dirty_since);
  return oldest;
}

TimeMs WriteBack::oldest_dirty_since(const Cache& cache) const {
  const bool has_in_flight = in_flight() && cache.list(Entry::List::kInFlight).oldest();
  const TimeMs in_flight_since = has_in_flight ? in_flight_.front().dirty_since : kNever;
  const EntryAt entry = oldest_dirty(cache);
  return entry ? std::min(in_flight_since, entry->dirty_since()) : in_flight_since;
}

}  // namespace pannier::storage
