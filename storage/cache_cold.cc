#include "storage/broken.h"
#include "storage/cache.h"
#include "storage/catalog.h"
#include "storage/hash.h"

namespace pannier::storage {

bool Cache::may_be_cold() const {
  // What is in flight to the disk is in memory, so that for all other keys the count of what has arrived
  // decides.
  return is_durable() && disk_entries_ > 0;
}

bool Cache::may_be_on_disk(const Entry& entry) { return entry.on_disk != OnDisk::kNo || entry.is_in_flight; }

OnDisk Cache::inherited(const Entry& old_entry) const {
  // The clear may erase the record at any time until it has ended.
  if (old_entry.on_disk == OnDisk::kYes && is_covered(old_entry)) return OnDisk::kUnknown;
  return old_entry.on_disk;
}

void Cache::mark_dirty(Entry& entry, TimeMs now) {
  set_ahead(entry, false);
  if (entry.is_dirty) return;
  uncount(entry);
  unlist(entry);
  entry.is_dirty = true;
  entry.place = ++catalog_.write_back_.sequence_last_;
  entry.dirty_since = now;
  dirty_.push_newest(entry);
  count(entry);
}

void Cache::set_ahead(Entry& entry, bool is_ahead) {
  if (entry.is_ahead == is_ahead) return;
  entry.is_ahead = is_ahead;
  is_ahead ? void(ahead_.insert(&entry)) : void(ahead_.erase(&entry));
}

void Cache::write_version(std::string_view key, TimeMs now) {
  Entry* entry = entry_of(key);
  if (entry != nullptr && entry->is_ahead) mark_dirty(*entry, now);
}

void Cache::write_versions(TimeMs now) {
  while (!ahead_.empty()) mark_dirty(**ahead_.begin(), now);
}

Entry* Cache::let_go(Entry& entry, TimeMs now) {
  if (is_durable() && may_be_on_disk(entry)) return &bury(entry, now);
  if (entry.is_held) return &vacate(entry, OnDisk::kNo);
  remove(entry);
  return nullptr;
}

Entry& Cache::bury(Entry& entry, TimeMs now) {
  EntryPointer fresh = draft_entry(entry.hash, entry.key(), {});
  fresh->kind = Entry::Kind::kTombstone;
  fresh->version = catalog_.version_last();
  Entry& tombstone = supersede(entry, std::move(fresh), false);
  mark_dirty(tombstone, now);
  return tombstone;
}

Entry& Cache::vacate(Entry& entry, OnDisk on_disk) {
  EntryPointer fresh = draft_entry(entry.hash, entry.key(), {});
  fresh->kind = Entry::Kind::kVacant;
  Entry& vacant = supersede(entry, std::move(fresh), false);
  uncount(vacant);
  unlist(vacant);
  vacant.is_dirty = false;
  vacant.on_disk = on_disk;
  return vacant;
}

void Cache::hold(Entry& entry) {
  entry.is_held = true;
  if (!entry.is_dirty) unlist(entry);
}

void Cache::settle(Entry& entry) {
  if (entry.is_unwritten() || entry.is_held) return;
  if (!entry.has_value()) return remove(entry);
  if (!entry.is_expired) return policy_->inserted(entry, stamp());
  entry.place = stamp();
  stale_.push_newest(entry);
}

bool Cache::loaded(std::string_view key, const std::variant<Record, Absent>& result, TimeMs now) {
  if (Entry* entry = entry_of(key)) {
    hold(*entry);
    return true;
  }
  const auto* record = std::get_if<Record>(&result);
  if (record == nullptr) return add_vacant(key, OnDisk::kNo, now);
  if (is_record_covered(key, record->version)) return add_vacant(key, OnDisk::kUnknown, now);
  return add_loaded(key, *record, now);
}

bool Cache::add_loaded(std::string_view key, const Record& record, TimeMs now) {
  EntryPointer fresh = draft_entry(hash_of(key, catalog_.hash_seed_), key, record.value);
  fresh->version = record.version;
  fresh->deadline = record.deadline;
  fresh->stale_ms = record.stale_ms;
  fresh->on_disk = OnDisk::kYes;
  fresh->is_held = true;
  if (too_big(fresh->charge_bytes) || !catalog_.make_room(*this, fresh->charge_bytes, nullptr, now))
    return false;
  Entry& entry = add(std::move(fresh));
  if (now >= entry.deadline) {
    expire(entry, now);
  } else {
    schedule(entry, now);
  }
  return true;
}

bool Cache::add_vacant(std::string_view key, OnDisk on_disk, TimeMs now) {
  EntryPointer fresh = draft_entry(hash_of(key, catalog_.hash_seed_), key, {});
  fresh->kind = Entry::Kind::kVacant;
  fresh->on_disk = on_disk;
  fresh->is_held = true;
  if (too_big(fresh->charge_bytes) || !catalog_.make_room(*this, fresh->charge_bytes, nullptr, now))
    return false;
  add(std::move(fresh));
  return true;
}

void Cache::release_loaded(std::string_view key) {
  Entry* entry = entry_of(key);
  if (entry == nullptr || !entry->is_held) return;
  entry->is_held = false;
  settle(*entry);
}

std::uint64_t Cache::dirty_sequence(std::string_view key) const {
  const Entry* entry = entry_of(key);
  return entry != nullptr && entry->is_unwritten() ? entry->place : 0;
}

}  // namespace pannier::storage
