#include <limits>

#include "storage/cache.h"
#include "storage/catalog.h"

namespace pannier::storage {

EntryAt Cache::noticed(EntryAt entry, TimeMs now) {
  if (!entry || !entry->has_value() || now < due_of(*entry)) return entry;
  return expire(entry, now);
}

EntryAt Cache::expire(EntryAt entry, TimeMs now) {
  const Transaction transaction(arena_);
  deadlines_.remove(entry);
  if (entry->is_expired() || count_covered(entry)) return let_go(entry, now);
  set_state(arena_, entry, Entry::kExpired, Entry::kExpired);
  bump(record_.stats.expirations);
  tell(entry, Change::kExpired);
  if (now >= stale_end(*entry)) return let_go(entry, now);
  if (entry->list() == Entry::List::kRecency || entry->is_ahead()) {
    unlist(entry);
    set_place(arena_, entry, stamp());
    push(Entry::List::kStale, entry);
  }
  schedule(entry, now);
  return entry;
}

bool Cache::expire_one(TimeMs now) {
  std::uint64_t visits = std::numeric_limits<std::uint64_t>::max();
  const EntryAt entry = deadlines_.first_due_at(now, visits);
  if (!entry) return false;
  expire(entry, now);
  return true;
}

void Cache::sweep(TimeMs now, std::uint64_t& visits) {
  while (const EntryAt entry = deadlines_.first_due_at(now, visits)) expire(entry, now);
  deadlines_.prepare(visits);
}

}  // namespace pannier::storage
