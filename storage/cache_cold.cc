#include "storage/broken.h"
#include "storage/cache.h"
#include "storage/catalog.h"

namespace pannier::storage {

// What is in flight to the disk is in memory, so that for all other keys the count of what has arrived
// decides: there is one of them if the disk has more records than memory knows of. While a clear erases some,
// nobody knows how many are left.
bool Cache::may_be_cold() const {
  const bool is_all_known = knows_disk_entries_ && record_.disk_entries == record_.known_on_disk;
  return is_durable() && (!is_all_known || record_.clears > 0);
}

bool Cache::may_be_on_disk(const Entry& entry) {
  return entry.on_disk() != OnDisk::kNo || entry.is_in_flight();
}

OnDisk Cache::inherited(EntryAt old_entry) const {
  // The clear may erase the record at any time until it has ended.
  if (old_entry->on_disk() == OnDisk::kYes && is_covered(old_entry)) return OnDisk::kUnknown;
  return old_entry->on_disk();
}

void Cache::mark_dirty(EntryAt entry, TimeMs now) {
  if (entry->is_dirty()) return;
  const Transaction transaction(arena_);
  uncount(entry);
  unlist(entry);
  set_place(arena_, entry, catalog_.write_back_.next_sequence());
  arena_.set(entry->since_word(), static_cast<std::uint64_t>(now));
  push(Entry::List::kDirty, entry);
  count(entry);
}

std::uint64_t Cache::sequence_with_version(const HashedKey& key, TimeMs now) {
  const EntryAt entry = index_.find(key.hash, key.key);
  if (!entry) return 0;
  if (entry->is_ahead()) mark_dirty(entry, now);
  return entry->is_unwritten() ? entry->place() : 0;
}

void Cache::write_versions(TimeMs now) {
  while (const EntryAt entry = list(Entry::List::kAhead).oldest()) mark_dirty(entry, now);
}

EntryAt Cache::let_go(EntryAt entry, TimeMs now) {
  const Transaction transaction(arena_);
  if (is_durable() && may_be_on_disk(*entry)) {
    bury(entry, now);
    return entry;
  }
  if (entry->is_held()) {
    vacate(entry, OnDisk::kNo);
    return entry;
  }
  remove(entry);
  return {};
}

void Cache::bury(EntryAt entry, TimeMs now) {
  const Transaction transaction(arena_);
  const OnDisk on_disk = inherited(entry);
  index_.disturb(index_.hash_of_entry(entry));
  uncount(entry);
  deadlines_.remove(entry);
  const std::uint64_t charge = charge_of(*entry);
  set_kind(arena_, entry, Entry::Kind::kTombstone);
  know(entry, on_disk);
  set_version(arena_, entry, catalog_.version_last());
  set_state(arena_, entry, Entry::kExpired, 0);
  catalog_.writer_.drop_pieces_of_value(entry);
  add_used(charge_of(*entry), charge);
  count(entry);
  mark_dirty(entry, now);
}

void Cache::vacate(EntryAt entry, OnDisk on_disk) {
  const Transaction transaction(arena_);
  index_.disturb(index_.hash_of_entry(entry));
  uncount(entry);
  unlist(entry);
  deadlines_.remove(entry);
  const std::uint64_t charge = charge_of(*entry);
  set_kind(arena_, entry, Entry::Kind::kVacant);
  know(entry, on_disk);
  set_state(arena_, entry, Entry::kExpired | Entry::kInFlight, 0);
  catalog_.writer_.drop_pieces_of_value(entry);
  add_used(charge_of(*entry), charge);
  push(Entry::List::kHeld, entry);
}

void Cache::hold(EntryAt entry, TimeMs now) {
  const Transaction transaction(arena_);
  // A list says that someone waits, or that the disk's version is an older one, and not both.
  if (entry->is_ahead()) mark_dirty(entry, now);
  set_state(arena_, entry, Entry::kHeld, Entry::kHeld);
  if (entry->is_unwritten() || entry->list() == Entry::List::kHeld) return;
  unlist(entry);
  push(Entry::List::kHeld, entry);
}

void Cache::settle(EntryAt entry) {
  if (entry->is_unwritten()) return;
  if (entry->is_held()) return push(Entry::List::kHeld, entry);
  if (!entry->has_value()) return remove(entry);
  if (!entry->is_expired()) return policy_->inserted(entry, stamp());
  set_place(arena_, entry, stamp());
  push(Entry::List::kStale, entry);
}

bool Cache::loaded(std::string_view key, const std::variant<Record, Absent>& result, TimeMs now) {
  if (const EntryAt entry = entry_of(key)) {
    hold(entry, now);
    return true;
  }
  Fields fields{.key = key, .ordinal = record_.ordinal, .kind = Entry::Kind::kVacant, .is_durable = true};
  const auto* record = std::get_if<Record>(&result);
  if (record == nullptr) return add_loaded(fields, now);
  if (is_record_covered(key, record->version)) {
    fields.on_disk = OnDisk::kUnknown;
    return add_loaded(fields, now);
  }
  fields.kind = Entry::Kind::kRecord;
  fields.value = record->value;
  fields.version = record->version;
  fields.deadline = record->deadline;
  fields.stale_ms = record->stale_ms;
  fields.on_disk = OnDisk::kYes;
  return add_loaded(fields, now);
}

bool Cache::add_loaded(const Fields& fields, TimeMs now) {
  const Plan plan = catalog_.writer_.plan(fields);
  Ref none = kNoRef;
  if (too_big(charge_for(fields.key.size(), fields.value.size()), 0) ||
      catalog_.make_room(*this, plan.slot_bytes, none, now) != Room::kMade ||
      !catalog_.write_pieces(*this, plan, fields, none, now)) {
    return false;
  }
  {
    const Transaction transaction(arena_);
    const EntryAt entry = catalog_.writer_.write_head(plan, fields);
    set_state(arena_, entry, Entry::kHeld, Entry::kHeld);
    add(hash_of_key(fields.key), entry);
    push(Entry::List::kHeld, entry);
    if (fields.kind == Entry::Kind::kRecord && now < fields.deadline) schedule(entry, now);
    if (fields.kind == Entry::Kind::kRecord && now >= fields.deadline) expire(entry, now);
  }
  index_.maintain();
  return true;
}

void Cache::release_loaded(std::string_view key) {
  const EntryAt entry = entry_of(key);
  if (!entry || !entry->is_held()) return;
  const Transaction transaction(arena_);
  set_state(arena_, entry, Entry::kHeld, 0);
  if (entry->is_unwritten()) return;
  unlist(entry);
  settle(entry);
}

bool Cache::expire_scanned(const ScannedKey& scanned, TimeMs now) {
  static constexpr std::string_view kNil = "\xc0";  // the value is not needed any more
  if (now < later(scanned.deadline, scanned.stale_ms) || entry_of(scanned.key)) return false;
  if (is_record_covered(scanned.key, scanned.version)) return false;
  const Record expired{std::string(kNil), scanned.version, scanned.deadline, scanned.stale_ms};
  if (!loaded(scanned.key, expired, now)) return false;
  release_loaded(scanned.key);
  return true;
}

std::uint64_t Cache::dirty_sequence(std::string_view key) const {
  const EntryAt entry = entry_of(key);
  return entry && entry->is_unwritten() ? entry->place() : 0;
}

bool Cache::bring(const Fields& fields, const Entry& from, TimeMs now) {
  const Plan plan = catalog_.writer_.plan(fields);
  Ref none = kNoRef;
  if (catalog_.make_room(*this, plan.slot_bytes, none, now) != Room::kMade ||
      !catalog_.write_pieces(*this, plan, fields, none, now)) {
    return false;
  }
  {
    const Transaction transaction(arena_);
    const EntryAt entry = catalog_.writer_.write_head(plan, fields);
    Entry::List name = from.list();
    if (name == Entry::List::kHeld) name = from.is_expired() ? Entry::List::kStale : Entry::List::kRecency;
    if (from.is_unwritten()) name = Entry::List::kDirty;
    if (from.is_expired()) set_state(arena_, entry, Entry::kExpired, Entry::kExpired);
    if (entry->has(Entry::kHasSince))
      arena_.set(entry->since_word(), static_cast<std::uint64_t>(from.dirty_since()));
    set_place(arena_, entry, from.place());
    add(hash_of_key(fields.key), entry);
    push(name, entry);
    if (from.is_unwritten()) count(entry);
    if (entry->has_value()) schedule(entry, now);
  }
  index_.maintain();
  return true;
}

void Cache::forget_jobs() {
  const bool may_have_cleared = record_.clears > 0;
  // A failed write may be on disk nevertheless, and so may half of a clear.
  while (const EntryAt entry = list(Entry::List::kInFlight).newest()) {
    const Transaction transaction(arena_);
    uncount(entry);
    unlist(entry);
    set_state(arena_, entry, Entry::kInFlight | Entry::kHeld, 0);
    know(entry, OnDisk::kUnknown);
    list(Entry::List::kDirty).push_oldest(entry);
    count(entry);
  }
  for (EntryAt entry = list(Entry::List::kDirty).oldest(); entry;
       entry = list(Entry::List::kDirty).newer(entry)) {
    const Transaction transaction(arena_);
    uncount(entry);
    if (entry->is_in_flight() || may_have_cleared) know(entry, OnDisk::kUnknown);
    set_state(arena_, entry, Entry::kInFlight | Entry::kHeld, 0);
    count(entry);
  }
  while (const EntryAt entry = list(Entry::List::kHeld).oldest()) {
    const Transaction transaction(arena_);
    set_state(arena_, entry, Entry::kHeld, 0);
    unlist(entry);
    settle(entry);
  }
  if (!may_have_cleared) return;
  if (is_durable()) forget_cleared();
  const Transaction transaction(arena_);
  arena_.set(record_.clears, 0);
}

// What the clear has erased on disk must not live on in memory: the disk alone knows what there is. What is
// ahead of it is written again.
void Cache::forget_cleared() {
  constexpr TimeMs kLongAgo = 0;  // so that it is due
  while (const EntryAt entry = list(Entry::List::kAhead).oldest()) {
    const Transaction transaction(arena_);
    know(entry, OnDisk::kUnknown);
    mark_dirty(entry, kLongAgo);
  }
  forget_clean();
}

void Cache::forget_clean() {
  for (const Entry::List name : {Entry::List::kRecency, Entry::List::kAhead, Entry::List::kStale}) {
    while (const EntryAt entry = list(name).oldest()) remove(entry);
  }
  for (EntryAt entry = list(Entry::List::kDirty).oldest(); entry;
       entry = list(Entry::List::kDirty).newer(entry)) {
    const Transaction transaction(arena_);
    uncount(entry);
    know(entry, OnDisk::kUnknown);
    count(entry);
  }
}

}  // namespace pannier::storage
