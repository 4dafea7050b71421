#include <algorithm>

#include "storage/catalog.h"

namespace pannier::storage {

std::uint64_t Catalog::memory_left_to(const Cache& cache) const {
  std::uint64_t left = options_.memory_bytes_max;
  left -= std::min(left, Index::bytes_min());
  for (const Cache* other : caches_) {
    if (other != &cache) left -= std::min(left, other->settings_.reserved_bytes);
  }
  return left;
}

bool Catalog::make_room(Cache& cache, std::uint64_t charge_bytes, const Entry* old_entry, TimeMs now) {
  const std::uint64_t old_bytes = old_entry == nullptr ? 0 : old_entry->charge_bytes;
  for (;;) {
    const std::uint64_t index_bytes = old_entry == nullptr ? cache.index_.growth_bytes() : 0;
    if (memory_bytes_ - old_bytes + charge_bytes + index_bytes <= options_.memory_bytes_max) return true;
    if (!take_back_one(cache, old_entry, now)) return false;
  }
}

bool Catalog::take_back_one(const Cache& cache, const Entry* except, TimeMs now) {
  return free_dropped_one() || expire_one(now) || drop_stale_one(except, now) ||
         evict_one(cache, except, now);
}

bool Catalog::free_dropped_one() {
  if (dropped_.empty()) return false;
  Cache& cache = *dropped_.back();
  if (Entry* entry = cache.index_.take_any()) {
    memory_bytes_ -= entry->charge_bytes;
    EntryDeleter{}(entry);
  } else {
    dropped_.pop_back();
  }
  return true;
}

bool Catalog::expire_one(TimeMs now) {
  if (now < work_bound_) return false;
  for (Cache* cache : caches_) {
    if (cache->expire_one(now)) return true;
  }
  refresh_work_bound();
  return false;
}

bool Catalog::drop_stale_one(const Entry* except, TimeMs now) {
  Cache* holder = nullptr;
  Entry* oldest = nullptr;
  for (Cache* cache : caches_) {
    Entry* entry = cache->stale_.oldest_but(except);
    if (entry == nullptr || (oldest != nullptr && oldest->place < entry->place)) continue;
    holder = cache;
    oldest = entry;
  }
  if (oldest == nullptr) return false;
  holder->let_go(*oldest, now);
  return true;
}

bool Catalog::evict_one(const Cache& cache, const Entry* except, TimeMs now) {
  Cache* holder = nullptr;
  Entry* oldest = nullptr;
  for (Cache* other : caches_) {
    if (other != &cache && other->is_protected()) continue;
    Entry* entry = other->policy_->victim(except);
    if (entry == nullptr || (oldest != nullptr && oldest->place < entry->place)) continue;
    holder = other;
    oldest = entry;
  }
  if (oldest == nullptr) return false;
  holder->evict(*oldest, now);
  return true;
}

}  // namespace pannier::storage
