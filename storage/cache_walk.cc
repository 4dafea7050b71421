#include <algorithm>

#include "storage/cache.h"
#include "storage/catalog.h"
#include "storage/hash.h"

namespace pannier::storage {
namespace {

struct Met {
  std::uint64_t point;
  std::string key;
};

}  // namespace

WalkStep Cache::walk(WalkPosition from, std::string_view prefix, std::uint64_t keys_max,
                     std::uint64_t visits_max, TimeMs now, std::vector<std::string>& keys, WalkOf of) const {
  WalkStep step;
  std::vector<EntryAt> bucket;
  std::vector<Met> met;
  std::string scratch;
  std::optional<std::uint64_t> next = from.point;
  while (next && keys.size() < keys_max && step.visited < visits_max) {
    const std::uint64_t point = *next;
    bucket.clear();
    met.clear();
    const std::uint64_t last_point = index_.home_at(point, bucket);
    step.visited += 1 + bucket.size();
    for (const EntryAt entry : bucket) {
      const bool is_shown = !is_durable() || of == WalkOf::kInMemory || entry->is_unwritten();
      if (!is_shown || standing_of(entry, now) != Standing::kLive) continue;
      const std::string_view key = key_of(arena_, entry).whole(scratch);
      const std::uint64_t key_point = point_of(hash_of_key(key));
      if (key_point >= point && key.starts_with(prefix)) met.push_back({key_point, std::string(key)});
    }
    std::ranges::sort(met, {}, &Met::point);
    std::size_t taken = 0;
    while (taken < met.size() && (keys.size() < keys_max || met[taken].point == met[taken - 1].point)) {
      keys.push_back(std::move(met[taken++].key));
    }
    next = taken < met.size() ? std::optional(met[taken].point) : Index::point_after(last_point);
  }
  if (next) step.next = WalkPosition{*next};
  return step;
}

bool Cache::shows_scanned(const ScannedKey& scanned, TimeMs now) const {
  if (const EntryAt entry = entry_of(scanned.key)) return standing_of(entry, now) == Standing::kLive;
  return now < scanned.deadline && !is_record_covered(scanned.key, scanned.version);
}

}  // namespace pannier::storage
