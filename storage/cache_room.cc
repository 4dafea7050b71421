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
         used_bytes() > settings_.bytes_max.value_or(kUnbounded);
}

bool Cache::is_protected() const {
  return settings_.reserved_bytes > 0 && used_bytes() <= catalog_.reservation_of(settings_);
}

std::optional<TooBig> Cache::above_own_bound(std::uint64_t charge_bytes) const {
  if (!settings_.bytes_max || charge_bytes <= *settings_.bytes_max) return std::nullopt;
  return TooBig{charge_bytes, *settings_.bytes_max, true};
}

std::optional<TooBig> Cache::too_big(std::uint64_t charge_bytes, std::uint64_t old_bytes) const {
  if (auto refusal = above_own_bound(charge_bytes)) return refusal;
  const std::uint64_t left_bytes = catalog_.memory_left_to(*this);
  const std::uint64_t beside_old = left_bytes - std::min(left_bytes, old_bytes);
  if (charge_bytes > left_bytes) return TooBig{charge_bytes, left_bytes, false};
  if (charge_bytes > beside_old) return TooBig{charge_bytes, beside_old, false};
  return std::nullopt;
}

std::optional<DirtyFull> Cache::dirty_full(std::uint64_t charge_bytes, EntryAt old_entry, bool is_one) const {
  if (!is_durable()) return std::nullopt;
  const bool was_unwritten = old_entry && old_entry->is_unwritten();
  const std::uint64_t old_bytes = was_unwritten ? charge_of(*old_entry) : 0;
  const std::uint64_t total = catalog_.write_back_.totals().bytes + catalog_.write_back_.promised_bytes_;
  const std::uint64_t limit = catalog_.options_.dirty_bytes_max;
  // An entry larger than the limit is accepted when it is the only one: it would never be otherwise.
  const bool is_only_one = is_one && total == old_bytes;
  if (charge_bytes <= old_bytes || is_only_one || total - old_bytes + charge_bytes <= limit)
    return std::nullopt;
  return DirtyFull{total, limit};
}

std::optional<PutOutcome> Cache::refusal_for(std::uint64_t charge_bytes, EntryAt old_entry,
                                             bool is_in_place) const {
  // Without a slot for it in place the old entry stays until the new one is there.
  if (is_in_place) {
    if (auto refusal = above_own_bound(charge_bytes)) return *refusal;
  } else if (auto refusal = too_big(charge_bytes, old_entry ? charge_of(*old_entry) : 0)) {
    return *refusal;
  }
  if (auto full = dirty_full(charge_bytes, old_entry)) return *full;
  if (catalog_.versions_left() == 0) return NoVersions{};
  return std::nullopt;
}

std::optional<PutOutcome> Cache::make_room(const Plan& plan, const Fields& fields, std::uint64_t charge_bytes,
                                           Ref& old_entry, TimeMs now) {
  make_own_room(charge_bytes, old_entry, now);
  const std::uint64_t there_bytes =
      fields.draft == nullptr ? 0 : catalog_.writer_.slot_bytes_of_pieces(plan.piece_bytes);
  const Room room = catalog_.make_room(*this, plan.slot_bytes - there_bytes, old_entry, now);
  if (room == Room::kMade && catalog_.write_pieces(*this, plan, fields, old_entry, now)) return std::nullopt;
  if (room == Room::kPinned)
    return DirtyFull{catalog_.write_back_.totals().bytes, catalog_.options_.dirty_bytes_max};
  return TooBig{charge_bytes, std::min(charge_bytes - 1, catalog_.memory_left_to(*this)), false};
}

void Cache::make_own_room(std::uint64_t charge_bytes, Ref& old_entry, TimeMs now) {
  if (!traits_.is_bounded) return;
  // A cache that is over altered bounds does not grow; it comes down to them in steps, see trim().
  const std::uint64_t entries_max = std::max(settings_.entries_max.value_or(kUnbounded), index_.size());
  const std::uint64_t bytes_max = std::max(settings_.bytes_max.value_or(kUnbounded), used_bytes());
  const std::uint64_t more_entries = old_entry == kNoRef ? 1 : 0;
  const std::uint64_t old_bytes = old_entry == kNoRef ? 0 : charge_of(arena_.at<Entry>(old_entry));
  while (index_.size() + more_entries > entries_max || used_bytes() - old_bytes + charge_bytes > bytes_max) {
    if (!take_back_one(old_entry, now)) broken("a bounded cache has nothing to evict");
  }
}

EntryAt Cache::victim(Ref except) const {
  const EntryAt recent = policy_->victim(except);
  const EntryAt ahead = list(Entry::List::kAhead).oldest_but(except);
  if (!recent || !ahead) return recent ? recent : ahead;
  return recent->place() < ahead->place() ? recent : ahead;
}

bool Cache::take_back_one(Ref except, TimeMs now) {
  if (expire_one(now)) return true;
  if (const EntryAt stale = list(Entry::List::kStale).oldest_but(except)) {
    let_go(stale, now);
    return true;
  }
  const EntryAt oldest = victim(except);
  if (!oldest) return false;
  evict(oldest, now);
  return true;
}

void Cache::evict(EntryAt entry, TimeMs now) {
  const Transaction transaction(arena_);
  if (!count_covered(entry)) {
    if (entry->is_ahead()) return mark_dirty(entry, now);
    if (!is_durable()) {
      bump(record_.stats.evictions);
      tell(entry, Change::kEvicted);
    }
  }
  remove(entry);
}

bool Cache::trim(std::uint64_t& visits, TimeMs now) {
  while (visits > 0 && is_over_bounds()) {
    --visits;
    if (!take_back_one(kNoRef, now)) broken("a cache over its bounds has nothing to evict");
  }
  return is_over_bounds();
}

}  // namespace pannier::storage
