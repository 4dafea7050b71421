// What goes when there is no room.
#include <algorithm>

#include "tests/model/memory_model.h"

namespace pannier::storage {
namespace {

std::uint64_t limit_of(const std::optional<std::uint64_t>& bound, std::uint64_t present) {
  return std::max(bound.value_or(UINT64_MAX), present);
}

}  // namespace

bool MemoryModel::drop_stale(Box& present, const std::string* except) {
  for (const auto& [place, key] : present.stale) {
    if (except != nullptr && key == *except) continue;
    remove(present, present.items.find(key));
    return true;
  }
  return false;
}

bool MemoryModel::evict(Box& present, const std::string* except) {
  for (const auto& [place, key] : present.recency) {
    if (except != nullptr && key == *except) continue;
    const Position at = present.items.find(key);
    if (!count_covered(present, at)) {
      ++present.stats.evictions;
      tell(present, key, Change::kEvicted);
    }
    remove(present, at);
    return true;
  }
  return false;
}

std::uint64_t MemoryModel::live_bytes() const {
  std::uint64_t bytes = 0;
  for (const auto& present : boxes_) bytes += present->bytes + present->index.bytes();
  return bytes;
}

std::uint64_t MemoryModel::reserved_by_others(const Box& present) const {
  std::uint64_t bytes = 0;
  for (const auto& other : boxes_) {
    if (other.get() != &present) bytes += other->settings.reserved_bytes;
  }
  return bytes;
}

void MemoryModel::make_memory(Box& present, const std::string* old_key, std::uint64_t charge,
                              std::uint64_t old_charge, TimeMs now) {
  const std::uint64_t limit = real_.options().memory_bytes_max;
  const auto after = [&] {
    return live_bytes() - old_charge + charge + (old_key == nullptr ? present.index.growth_bytes() : 0);
  };
  // Those of dropped caches go first; how many went is seen afterwards.
  if (after() <= limit) return;
  dropped_bytes_ = 0;
  while (after() > limit) {
    if (std::ranges::any_of(boxes_, [&](const auto& other) { return expire_some(*other, now); })) continue;
    Box* holder = nullptr;
    std::uint64_t oldest = UINT64_MAX;
    for (const auto& other : boxes_) {
      const auto found = std::ranges::find_if(other->stale, [&](const auto& row) {
        return old_key == nullptr || other.get() != &present || row.second != *old_key;
      });
      if (found == other->stale.end() || found->first > oldest) continue;
      oldest = found->first;
      holder = other.get();
    }
    if (holder != nullptr) {
      drop_stale(*holder, holder == &present ? old_key : nullptr);
      continue;
    }
    for (const auto& other : boxes_) {
      const bool is_protected = other->bytes + other->index.bytes() <= other->settings.reserved_bytes;
      if (other.get() != &present && is_protected) continue;
      for (const auto& [place, key] : other->recency) {
        if (other.get() == &present && old_key != nullptr && key == *old_key) continue;
        if (place < oldest) holder = other.get();
        oldest = std::min(oldest, place);
        break;
      }
    }
    if (holder == nullptr) disagree("there is no room and nothing to evict");
    evict(*holder, holder == &present ? old_key : nullptr);
  }
}

std::optional<PutOutcome> MemoryModel::make_room(Box& present, const std::string* old_key,
                                                 std::uint64_t charge, TimeMs now) {
  const Settings& settings = present.settings;
  if (settings.bytes_max && charge > *settings.bytes_max) return TooBig{charge, *settings.bytes_max, true};
  const std::uint64_t left =
      real_.options().memory_bytes_max - 2 * 256 * sizeof(void*) - reserved_by_others(present);
  if (charge > left) return TooBig{charge, left, false};
  const std::uint64_t old_charge = old_key == nullptr ? 0 : present.items.at(*old_key).charge;
  const std::uint64_t entries_max = limit_of(settings.entries_max, present.items.size());
  const std::uint64_t bytes_max = limit_of(settings.bytes_max, present.bytes);
  while (present.items.size() + (old_key == nullptr ? 1 : 0) > entries_max ||
         present.bytes - old_charge + charge > bytes_max) {
    if (!expire_some(present, now) && !drop_stale(present, old_key) && !evict(present, old_key)) {
      disagree("a bound is exceeded and there is nothing to evict");
    }
  }
  make_memory(present, old_key, charge, old_charge, now);
  return std::nullopt;
}

}  // namespace pannier::storage
