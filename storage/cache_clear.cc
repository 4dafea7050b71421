#include <algorithm>

#include "storage/broken.h"
#include "storage/cache.h"
#include "storage/catalog.h"

namespace pannier::storage {

const Cache::Clear* Cache::clear_of(const BytesView& key, Version version) const {
  for (const Clear& clear : clears_) {
    if (version > clear.version) continue;
    std::string scratch;
    if (clear.prefix.empty() || key.whole(scratch).starts_with(clear.prefix)) return &clear;
  }
  return nullptr;
}

bool Cache::is_record_covered(std::string_view key, Version version) const {
  if (clear_of(BytesView(key), version) != nullptr) return true;
  return std::ranges::any_of(ended_clears_, [&](const EndedClear& ended) {
    return version <= ended.version && key.starts_with(ended.prefix);
  });
}

bool Cache::count_covered(EntryAt entry) {
  if (!is_covered(entry)) return false;
  auto& clear = const_cast<Clear&>(*clear_of(key_of(arena_, entry), entry->version()));
  // Those that are or may be on disk are counted there.
  const bool is_counted = !is_durable() || (entry->has_value() && !may_be_on_disk(*entry));
  if (is_counted && entry->deadline() > clear.began) ++clear.erased;
  return true;
}

Cache::Clear& Cache::clear_named(ClearId clear) {
  const auto found = std::ranges::find(clears_, clear, &Clear::id);
  if (found == clears_.end()) broken("a clear that was not begun");
  return *found;
}

ClearId Cache::clear_begin(std::string_view prefix, TimeMs now) {
  const ClearId id = ++catalog_.clear_last_;
  clears_.push_back({id, std::string(prefix), catalog_.version_last(), now});
  const Transaction transaction(arena_);
  arena_.disturb_catalog();
  arena_.set(record_.clears, record_.clears + 1);
  return id;
}

Version Cache::clear_version(ClearId clear) const {
  const auto found = std::ranges::find(clears_, clear, &Clear::id);
  if (found == clears_.end()) broken("a clear that was not begun");
  return found->version;
}

void Cache::take_covered(EntryAt entry, TimeMs now) {
  if (!entry->has_value()) return;
  const Transaction transaction(arena_);
  count_covered(entry);
  if (entry->is_unwritten()) {
    bury(entry, now);
  } else if (entry->is_held()) {
    vacate(entry, OnDisk::kUnknown);
  } else {
    remove(entry);
  }
}

bool Cache::clear_step(ClearId id, std::uint64_t visits_max) {
  Clear& clear = clear_named(id);
  std::vector<EntryAt> bucket;
  std::string scratch;
  std::uint64_t visits = 0;
  while (clear.next_point && visits < visits_max) {
    bucket.clear();
    const std::uint64_t last_point = index_.home_at(*clear.next_point, bucket);
    visits += 1 + bucket.size();
    for (const EntryAt entry : bucket) {
      const bool is_meant =
          entry->version() <= clear.version && key_of(arena_, entry).whole(scratch).starts_with(clear.prefix);
      if (is_meant) take_covered(entry, clear.began);
    }
    clear.next_point = Index::point_after(last_point);
  }
  return clear.next_point.has_value();
}

std::uint64_t Cache::clear_end(ClearId id, std::uint64_t erased_on_disk, TimeMs) {
  const auto found = std::ranges::find(clears_, id, &Clear::id);
  if (found == clears_.end()) broken("a clear that was not begun");
  const std::uint64_t erased = found->erased + erased_on_disk;
  if (is_durable()) ended_clears_.push_back({found->prefix, found->version});
  if (ended_clears_.size() > kEndedClearsMax) ended_clears_.pop_front();
  clears_.erase(found);
  const Transaction transaction(arena_);
  arena_.disturb_catalog();
  arena_.set(record_.clears, record_.clears - 1);
  arena_.set(record_.stats.cleared, record_.stats.cleared + erased);
  return erased;
}

}  // namespace pannier::storage
