#include <algorithm>
#include <limits>

#include "storage/broken.h"
#include "storage/cache.h"
#include "storage/catalog.h"

namespace pannier::storage {
namespace {

constexpr std::uint64_t kUnbounded = std::numeric_limits<std::uint64_t>::max();

}  // namespace

bool Cache::is_over_bounds() const {
  return index_.size() > settings_.entries_max.value_or(kUnbounded) ||
         used_bytes_ > settings_.bytes_max.value_or(kUnbounded);
}

bool Cache::is_protected() const { return used_bytes_ + index_.bytes() <= settings_.reserved_bytes; }

std::optional<TooBig> Cache::too_big(std::uint64_t charge_bytes) const {
  if (settings_.bytes_max && charge_bytes > *settings_.bytes_max) {
    return TooBig{charge_bytes, *settings_.bytes_max, true};
  }
  const std::uint64_t left_bytes = catalog_.memory_left_to(*this);
  if (charge_bytes > left_bytes) return TooBig{charge_bytes, left_bytes, false};
  return std::nullopt;
}

std::optional<DirtyFull> Cache::dirty_full(std::uint64_t charge_bytes, const Entry* old_entry) const {
  if (!is_durable()) return std::nullopt;
  const bool was_unwritten = old_entry != nullptr && old_entry->is_unwritten();
  const std::uint64_t old_bytes = was_unwritten ? old_entry->charge_bytes : 0;
  const std::uint64_t total = catalog_.write_back_.totals().bytes;
  const std::uint64_t limit = catalog_.options_.dirty_bytes_max;
  // An entry larger than the limit is accepted when it is the only one: it would never be otherwise.
  if (charge_bytes <= old_bytes || total == old_bytes || total - old_bytes + charge_bytes <= limit)
    return std::nullopt;
  return DirtyFull{total, limit};
}

std::optional<PutOutcome> Cache::make_room(std::uint64_t charge_bytes, const Entry* old_entry, TimeMs now) {
  if (auto refusal = too_big(charge_bytes)) return *refusal;
  if (auto full = dirty_full(charge_bytes, old_entry)) return *full;
  if (catalog_.versions_left() == 0) return NoVersions{};
  make_own_room(charge_bytes, old_entry, now);
  if (catalog_.make_room(*this, charge_bytes, old_entry, now)) return std::nullopt;
  return DirtyFull{catalog_.write_back_.totals().bytes, catalog_.options_.dirty_bytes_max};
}

void Cache::make_own_room(std::uint64_t charge_bytes, const Entry* old_entry, TimeMs now) {
  if (!traits_of(settings_.tier).is_bounded) return;
  // A cache that is over altered bounds does not grow; it comes down to them in steps, see trim().
  const std::uint64_t entries_max = std::max(settings_.entries_max.value_or(kUnbounded), index_.size());
  const std::uint64_t bytes_max = std::max(settings_.bytes_max.value_or(kUnbounded), used_bytes_);
  const std::uint64_t more_entries = old_entry == nullptr ? 1 : 0;
  const std::uint64_t old_bytes = old_entry == nullptr ? 0 : old_entry->charge_bytes;
  while (index_.size() + more_entries > entries_max || used_bytes_ - old_bytes + charge_bytes > bytes_max) {
    if (!take_back_one(old_entry, now)) broken("a bounded cache has nothing to evict");
  }
}

bool Cache::take_back_one(const Entry* except, TimeMs now) {
  if (expire_one(now)) return true;
  if (Entry* stale = stale_.oldest_but(except)) {
    let_go(*stale, now);
    return true;
  }
  Entry* victim = policy_->victim(except);
  if (victim == nullptr) return false;
  evict(*victim, now);
  return true;
}

void Cache::evict(Entry& entry, TimeMs now) {
  if (!count_covered(entry)) {
    if (entry.is_ahead) return mark_dirty(entry, now);
    if (!is_durable()) {
      ++stats_.evictions;
      tell(entry, Change::kEvicted);
    }
  }
  remove(entry);
}

bool Cache::trim(std::uint64_t& visits, TimeMs now) {
  while (visits > 0 && is_over_bounds()) {
    --visits;
    if (!take_back_one(nullptr, now)) broken("a cache over its bounds has nothing to evict");
  }
  return is_over_bounds();
}

}  // namespace pannier::storage
