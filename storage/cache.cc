#include "storage/cache.h"

#include <algorithm>

#include "storage/catalog.h"
#include "storage/hash.h"

namespace pannier::storage {
namespace {

/// By how much an unwritten entry makes a cache's entries differ from those on disk.
std::int64_t beyond_disk(const Entry& entry) {
  if (entry.has_value()) return entry.on_disk() == OnDisk::kYes ? 0 : 1;
  return entry.on_disk() == OnDisk::kYes ? -1 : 0;
}

std::array<EntryList, Entry::kLists> lists_of(Arena& arena, CacheRecord& record) {
  using enum Entry::List;
  const auto make = [&](Entry::List name) {
    return EntryList(arena, record.lists[static_cast<std::size_t>(name)], name);
  };
  return {make(kRecency), make(kStale), make(kDirty), make(kInFlight), make(kHeld), make(kAhead)};
}

}  // namespace

Cache::Cache(Catalog& catalog, CacheRecord& record)
    : catalog_(catalog),
      arena_(*catalog.arena_),
      record_(record),
      name_(record.name.data(), record.name_bytes),
      settings_(settings_of(record)),
      traits_(traits_of(settings_.tier)),
      index_(arena_, catalog.slots_, record.index),
      lists_(lists_of(arena_, record)),
      policy_(make_policy(settings_.policy, arena_, list(Entry::List::kRecency))),
      deadlines_(arena_, record.wheel) {}

Cache::~Cache() = default;

const std::string& Cache::name() const { return name_; }

CacheId Cache::id() const { return record_.id; }

const Settings& Cache::settings() const { return settings_; }

std::uint64_t Cache::entries() const {
  if (!is_durable()) return index_.size();
  const auto entries = static_cast<std::int64_t>(record_.disk_entries + record_.beyond_disk);
  return entries > 0 ? static_cast<std::uint64_t>(entries) : 0;
}

CacheStats Cache::stats() const {
  const StatsWords& words = record_.stats;
  return {words.hits,    words.misses,    words.puts,        words.deletes,
          words.cleared, words.evictions, words.expirations, words.shared_hits};
}

void Cache::set_disk_entries(std::uint64_t disk_entries) {
  const Transaction transaction(arena_);
  arena_.set(record_.disk_entries, disk_entries);
  knows_disk_entries_ = true;
}

std::uint64_t Cache::hash_of_key(std::string_view key) const {
  return hash_of(key, arena_.header().hash_seed);
}

EntryAt Cache::entry_of(std::string_view key) const { return index_.find(hash_of_key(key), key); }

std::uint64_t Cache::charge_for(std::uint64_t key_bytes, std::uint64_t value_bytes) const {
  return catalog_.options_.charge(key_bytes, value_bytes);
}

std::uint64_t Cache::charge_of(const Entry& entry) const {
  return charge_for(entry.key_bytes(), entry.has_value() ? entry.value_bytes : 0);
}

void Cache::tell(std::string_view key, Change change) const {
  catalog_.listener_.changed(*this, key, change);
}

void Cache::tell(EntryAt entry, Change change) const {
  const BytesView key = key_of(arena_, entry);
  std::string scratch;
  catalog_.listener_.changed(*this, key.whole(scratch), change);
}

std::uint64_t Cache::stamp() { return ++arena_.header().stamp; }

// Not noted in the journal: a counter may count what a process that died did not end.
void Cache::bump(Word64& counter) { ++counter; }

void Cache::schedule(EntryAt entry, TimeMs now) {
  const TimeMs due = due_of(*entry);
  if (due == kNever) return;
  deadlines_.insert(entry, due, now);
  catalog_.work_bound_ = std::min(catalog_.work_bound_, deadlines_.next_work());
}

void Cache::add_used(std::uint64_t added, std::uint64_t subtracted) {
  arena_.set(record_.used_bytes, record_.used_bytes + added - subtracted);
}

void Cache::add(std::uint64_t hash, EntryAt fresh) {
  index_.insert(hash, fresh.ref);
  add_used(charge_of(*fresh), 0);
  count_known(fresh, true);
  count(fresh);
}

void Cache::supersede(std::uint64_t hash, EntryAt old_entry, EntryAt fresh, bool keeps_place) {
  uncount(old_entry);
  set_on_disk(arena_, fresh, inherited(old_entry));
  count_known(fresh, true);
  count_known(old_entry, false);
  constexpr std::uint64_t kJobs = Entry::kInFlight | Entry::kHeld;
  set_state(arena_, fresh, kJobs, old_entry->version_and_state & kJobs);
  set_place(arena_, fresh, old_entry->place());
  if (old_entry->is_dirty()) {
    arena_.set(fresh->since_word(), old_entry->since_word());
    list(Entry::List::kDirty).replace(old_entry, fresh);
  } else if (old_entry->list() == Entry::List::kRecency && keeps_place) {
    policy_->replaced(old_entry, fresh, stamp());
  } else {
    unlist(old_entry);
  }
  deadlines_.remove(old_entry);
  index_.replace(hash, old_entry.ref, fresh.ref);
  add_used(charge_of(*fresh), charge_of(*old_entry));
  catalog_.writer_.free(old_entry);
  count(fresh);
}

void Cache::remove(EntryAt entry) {
  const Transaction transaction(arena_);
  uncount(entry);
  count_known(entry, false);
  unlist(entry);
  deadlines_.remove(entry);
  index_.erase(index_.hash_of_entry(entry), entry.ref);
  add_used(0, charge_of(*entry));
  catalog_.writer_.free(entry);
  index_.maintain();
}

void Cache::unlist(EntryAt entry) {
  const Entry::List name = entry->list();
  if (name == Entry::List::kNone) return;
  if (name == Entry::List::kStale) --catalog_.stale_entries_;
  name == Entry::List::kRecency ? policy_->removed(entry) : list(name).remove(entry);
}

void Cache::push(Entry::List name, EntryAt entry) {
  if (name == Entry::List::kStale) ++catalog_.stale_entries_;
  list(name).push_newest(entry);
}

void Cache::know(EntryAt entry, OnDisk on_disk) {
  count_known(entry, false);
  set_on_disk(arena_, entry, on_disk);
  count_known(entry, true);
}

void Cache::count_known(EntryAt entry, bool is_added) {
  if (entry->on_disk() != OnDisk::kYes) return;
  arena_.set(record_.known_on_disk, is_added ? record_.known_on_disk + 1 : record_.known_on_disk - 1);
}

void Cache::count(EntryAt entry) { count_unwritten(entry, true); }

void Cache::uncount(EntryAt entry) { count_unwritten(entry, false); }

void Cache::count_unwritten(EntryAt entry, bool is_added) {
  if (!entry->is_unwritten()) return;
  const std::uint64_t sign = is_added ? 1 : ~std::uint64_t{0};
  const std::uint64_t bytes = sign * charge_of(*entry);
  arena_.set(record_.unwritten_entries, record_.unwritten_entries + sign);
  arena_.set(record_.unwritten_bytes, record_.unwritten_bytes + bytes);
  if (record_.state == CacheRecord::kOpen) {
    catalog_.write_back_.totals_.entries += sign;
    catalog_.write_back_.totals_.bytes += bytes;
  }
  const auto beyond = static_cast<std::uint64_t>(beyond_disk(*entry));
  arena_.set(record_.beyond_disk, record_.beyond_disk + sign * beyond);
}

}  // namespace pannier::storage
