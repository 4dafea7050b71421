#include <limits>

#include "storage/cache.h"
#include "storage/catalog.h"

namespace pannier::storage {

Entry* Cache::noticed(Entry* entry, TimeMs now) {
  if (entry == nullptr || !entry->has_value() || now < due_of(*entry)) return entry;
  return expire(*entry, now);
}

Entry* Cache::expire(Entry& entry, TimeMs now) {
  deadlines_.remove(entry);
  if (entry.is_expired || count_covered(entry)) return let_go(entry, now);
  entry.is_expired = true;
  ++stats_.expirations;
  tell(entry, Change::kExpired);
  if (now >= stale_end(entry)) return let_go(entry, now);
  if (entry.list == Entry::List::kRecency) {
    policy_->removed(entry);
    entry.place = stamp();
    stale_.push_newest(entry);
  }
  schedule(entry, now);
  return &entry;
}

bool Cache::expire_one(TimeMs now) {
  std::uint64_t visits = std::numeric_limits<std::uint64_t>::max();
  Entry* entry = deadlines_.take_due(now, visits);
  if (entry == nullptr) return false;
  expire(*entry, now);
  return true;
}

void Cache::sweep(TimeMs now, std::uint64_t& visits) {
  while (Entry* entry = deadlines_.take_due(now, visits)) expire(*entry, now);
  deadlines_.prepare(visits);
}

}  // namespace pannier::storage
