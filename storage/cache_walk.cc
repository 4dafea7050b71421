#include <algorithm>

#include "storage/cache.h"
#include "storage/catalog.h"
#include "storage/hash.h"

namespace pannier::storage {
namespace {

struct Met {
  std::uint64_t point;
  const Entry* entry;
};

}  // namespace

WalkStep Cache::walk(WalkPosition from, std::string_view prefix, std::uint64_t keys_max,
                     std::uint64_t visits_max, TimeMs now, std::vector<std::string>& keys) const {
  WalkStep step;
  std::vector<Met> met;
  std::optional<std::uint64_t> next = from.point;
  while (next && keys.size() < keys_max && step.visited < visits_max) {
    const std::uint64_t point = *next;
    const Index::Bucket bucket = index_.bucket_at(point);
    ++step.visited;
    met.clear();
    for (const Entry* entry = bucket.first; entry != nullptr; entry = entry->chain) {
      ++step.visited;
      const bool is_shown = !is_durable() || entry->is_unwritten();
      if (!is_shown || point_of(entry->hash) < point || !entry->key().starts_with(prefix)) continue;
      if (standing_of(entry, now) == Standing::kLive) met.push_back({point_of(entry->hash), entry});
    }
    std::ranges::sort(met, {}, &Met::point);
    std::size_t taken = 0;
    while (taken < met.size() && (keys.size() < keys_max || met[taken].point == met[taken - 1].point)) {
      keys.emplace_back(met[taken++].entry->key());
    }
    next = taken < met.size() ? met[taken].point : bucket.next_point();
  }
  if (next) step.next = WalkPosition{*next};
  return step;
}

bool Cache::shows_scanned(const ScannedKey& scanned, TimeMs now) const {
  const Entry* entry = entry_of(scanned.key);
  if (entry != nullptr) return standing_of(entry, now) == Standing::kLive;
  return now < scanned.deadline && !is_record_covered(scanned.key, scanned.version);
}

}  // namespace pannier::storage
