#include "storage/cache.h"

#include <algorithm>

#include "storage/catalog.h"
#include "storage/hash.h"

namespace pannier::storage {
namespace {

/// By how much an unwritten entry makes a cache's entries differ from those on disk.
std::int64_t beyond_disk(const Entry& entry) {
  if (entry.has_value()) return entry.on_disk == OnDisk::kYes ? 0 : 1;
  return entry.on_disk == OnDisk::kYes ? -1 : 0;
}

}  // namespace

Cache::Cache(Catalog& catalog, CacheId id, std::string_view name, const Settings& settings)
    : catalog_(catalog),
      id_(id),
      name_(name),
      settings_(settings),
      index_(catalog.memory_bytes_),
      policy_(make_policy(settings.policy)) {}

Cache::~Cache() {
  while (Entry* entry = index_.take_any()) EntryDeleter{}(entry);
}

const std::string& Cache::name() const { return name_; }

CacheId Cache::id() const { return id_; }

const Settings& Cache::settings() const { return settings_; }

bool Cache::is_durable() const { return traits_of(settings_.tier).is_durable; }

std::uint64_t Cache::entries() const {
  if (!is_durable()) return index_.size();
  const std::int64_t entries = static_cast<std::int64_t>(disk_entries_) + beyond_disk_;
  return entries > 0 ? static_cast<std::uint64_t>(entries) : 0;
}

std::uint64_t Cache::used_bytes() const { return used_bytes_; }

DirtyTotals Cache::dirty() const { return unwritten_; }

const CacheStats& Cache::stats() const { return stats_; }

Entry* Cache::entry_of(std::string_view key) const {
  return index_.find(hash_of(key, catalog_.hash_seed_), key);
}

EntryPointer Cache::draft_entry(std::uint64_t hash, std::string_view key, std::string_view value) const {
  EntryPointer fresh = make_entry(hash, key, value);
  fresh->charge_bytes = catalog_.options_.charge(key.size(), value.size());
  return fresh;
}

void Cache::tell(const Entry& entry, Change change) const {
  catalog_.listener_.changed(*this, entry.key(), change);
}

std::uint64_t Cache::stamp() { return ++catalog_.stamp_; }

void Cache::schedule(Entry& entry, TimeMs now) {
  const TimeMs due = due_of(entry);
  if (due == kNever) return;
  deadlines_.insert(entry, due, now);
  catalog_.work_bound_ = std::min(catalog_.work_bound_, deadlines_.next_work());
}

Entry& Cache::add(EntryPointer fresh) {
  Entry& entry = *fresh.release();
  index_.insert(entry);
  used_bytes_ += entry.charge_bytes;
  catalog_.memory_bytes_ += entry.charge_bytes;
  count(entry);
  return entry;
}

Entry& Cache::supersede(Entry& old_entry, EntryPointer fresh, bool keeps_place) {
  Entry& entry = *fresh.release();
  set_ahead(old_entry, false);
  uncount(old_entry);
  entry.on_disk = inherited(old_entry);
  entry.is_in_flight = old_entry.is_in_flight;
  entry.is_held = old_entry.is_held;
  entry.is_dirty = old_entry.is_dirty;
  entry.dirty_since = old_entry.dirty_since;
  entry.place = old_entry.place;
  if (old_entry.list == Entry::List::kDirty) {
    dirty_.replace(old_entry, entry);
  } else if (old_entry.list == Entry::List::kRecency && keeps_place) {
    policy_->replaced(old_entry, entry, stamp());
  } else {
    unlist(old_entry);
  }
  deadlines_.remove(old_entry);
  index_.replace(old_entry, entry);
  used_bytes_ += entry.charge_bytes - old_entry.charge_bytes;
  catalog_.memory_bytes_ += entry.charge_bytes - old_entry.charge_bytes;
  EntryDeleter{}(&old_entry);
  count(entry);
  return entry;
}

void Cache::remove(Entry& entry) {
  set_ahead(entry, false);
  uncount(entry);
  unlist(entry);
  deadlines_.remove(entry);
  index_.erase(entry);
  used_bytes_ -= entry.charge_bytes;
  catalog_.memory_bytes_ -= entry.charge_bytes;
  EntryDeleter{}(&entry);
}

void Cache::unlist(Entry& entry) {
  switch (entry.list) {
    case Entry::List::kNone:
      return;
    case Entry::List::kRecency:
      return policy_->removed(entry);
    case Entry::List::kStale:
      return stale_.remove(entry);
    case Entry::List::kDirty:
      return dirty_.remove(entry);
  }
}

void Cache::count(const Entry& entry) {
  if (!entry.is_unwritten()) return;
  for (DirtyTotals* totals : {&unwritten_, &catalog_.write_back_.totals_}) {
    ++totals->entries;
    totals->bytes += entry.charge_bytes;
  }
  beyond_disk_ += beyond_disk(entry);
}

void Cache::uncount(const Entry& entry) {
  if (!entry.is_unwritten()) return;
  for (DirtyTotals* totals : {&unwritten_, &catalog_.write_back_.totals_}) {
    --totals->entries;
    totals->bytes -= entry.charge_bytes;
  }
  beyond_disk_ -= beyond_disk(entry);
}

}  // namespace pannier::storage
