#include <algorithm>
#include <cstring>
#include <utility>

#include "storage/broken.h"
#include "storage/catalog.h"

namespace pannier::storage {
namespace {

std::string shown(const std::optional<std::uint64_t>& value) {
  return value ? std::to_string(*value) : "nil";
}
std::string shown(std::uint64_t value) { return std::to_string(value); }
std::string shown(std::string_view word) { return "\"" + std::string(word) + "\""; }

template <typename Value>
std::optional<std::string> difference(std::string_view option, const Value& has, const Value& asked) {
  if (has == asked) return std::nullopt;
  return std::string(option) + " is " + shown(has) + ", asked for " + shown(asked);
}

std::optional<std::string> kind_difference(const Settings& has, const Settings& asked) {
  if (auto text = difference("tier", traits_of(has.tier).name, traits_of(asked.tier).name)) return text;
  return difference("policy", policy_name(has.policy), policy_name(asked.policy));
}

std::optional<std::string> bound_difference(const Settings& has, const Settings& asked) {
  if (auto text = difference("max_entries", has.entries_max, asked.entries_max)) return text;
  if (auto text = difference("max_bytes", has.bytes_max, asked.bytes_max)) return text;
  if (auto text = difference("max_age_ms", has.age_ms_max, asked.age_ms_max)) return text;
  if (auto text = difference("stale_ms", has.stale_ms, asked.stale_ms)) return text;
  return difference("reserved_bytes", has.reserved_bytes, asked.reserved_bytes);
}

}  // namespace

std::optional<OpenRefused> Catalog::reservation_fault(const Settings& settings, const Cache* except) const {
  // To give back is right whatever the others have.
  const std::uint64_t had = except == nullptr ? 0 : except->settings_.reserved_bytes;
  if (settings.reserved_bytes <= had) return std::nullopt;
  const std::uint64_t limit = reservable_bytes();
  std::uint64_t left = limit;
  for (const Cache* cache : caches_) {
    if (cache != except) left -= std::min(left, cache->settings_.reserved_bytes);
  }
  if (settings.reserved_bytes <= left) return std::nullopt;
  return OpenRefused{OpenRefused::Kind::kReservedTooMuch,
                     "reserved_bytes " + std::to_string(settings.reserved_bytes) + ": " +
                         std::to_string(left) + " of the " + std::to_string(limit) +
                         " that may be reserved are left"};
}

std::vector<ReducedReservation> Catalog::reduced_reservations() const {
  std::vector<ReducedReservation> reduced;
  for (const auto& [name, cache] : by_name_) {
    const std::uint64_t reserved = cache->settings_.reserved_bytes;
    const std::uint64_t counted = reservation_of(cache->settings_);
    if (counted < reserved) reduced.push_back({name, reserved, counted});
  }
  return reduced;
}

OpenOutcome Catalog::alter_or_conflict(Cache& cache, const Settings& settings, bool alter) {
  if (auto text = kind_difference(cache.settings_, settings)) return OpenConflict{*std::move(text)};
  auto text = bound_difference(cache.settings_, settings);
  if (!text) return Opened{cache, false, false};
  if (!alter) return OpenConflict{*std::move(text)};
  if (auto refusal = reservation_fault(settings, &cache)) return *std::move(refusal);
  reserved_bytes_ += settings.reserved_bytes - cache.settings_.reserved_bytes;
  cache.settings_ = settings;
  {
    const Transaction transaction(*arena_);
    // Whether it is large enough to be read by others.
    arena_->disturb_catalog();
    write_settings(*arena_, cache.record_, settings);
  }
  if (cache.is_over_bounds()) is_trimming_ = true;
  return Opened{cache, false, true};
}

OpenOutcome Catalog::open(std::string_view name, const Settings& settings, bool alter, TimeMs) {
  if (Cache* cache = find(name)) return alter_or_conflict(*cache, settings, alter);
  if (caches_.size() >= options_.caches_max) {
    return OpenRefused{OpenRefused::Kind::kTooManyCaches,
                       "there are " + std::to_string(caches_.size()) + " caches, the most that there may be"};
  }
  if (auto refusal = reservation_fault(settings, nullptr)) return *std::move(refusal);
  Cache* const cache = add(arena_->header().id_last + 1, name, settings);
  if (cache != nullptr) {
    cache->set_disk_entries(0);
    return Opened{*cache, true, false};
  }
  return OpenRefused{OpenRefused::Kind::kTooManyCaches, "the memory limit has no room for one more beside " +
                                                            std::to_string(caches_.size()) +
                                                            " caches and what is pinned"};
}

Cache* Catalog::restore(const Definition& definition) {
  if (find(definition.name) != nullptr || find(definition.id) != nullptr) {
    broken("a cache is to be restored whose name or id is in use");
  }
  Cache* const cache = add(definition.id, definition.name, definition.settings);
  if (cache != nullptr) cache->set_disk_entries(definition.disk_entries);
  return cache;
}

Cache* Catalog::add(CacheId id, std::string_view name, const Settings& settings) {
  raise_next_id(id);
  Ref none = kNoRef;
  while (!has_room(kBlockBytes)) {
    if (!take_back_one(nullptr, none, 0)) return nullptr;
  }
  std::uint32_t ordinal = 0;
  while (ordinal < kCachesMax && arena_->cache_ref(ordinal) != kNoRef) ++ordinal;
  if (ordinal == kCachesMax || !ready_pages(Index::kPagesNeeded)) return nullptr;
  const Transaction transaction(*arena_);
  arena_->disturb_catalog();
  const Ref ref = slots_.take(kBlockClass);
  auto& record = arena_->at<CacheRecord>(ref);
  // Nothing points at it yet, so that nothing is to be noted.
  static constexpr CacheRecord kEmpty{};
  write_racing(&record, &kEmpty, sizeof record);
  record.state = CacheRecord::kOpen;
  record.id = id;
  record.ordinal = ordinal;
  record.name_bytes = static_cast<std::uint32_t>(name.size());
  name.copy(record.name.data(), name.size());
  write_settings(*arena_, record, settings);
  arena_->set(arena_->cache_ref(ordinal), ref);
  return &adopt(record);
}

Cache& Catalog::adopt(CacheRecord& record) {
  std::unique_ptr<Cache> made(new Cache(*this, record));
  Cache& cache = *made;
  stale_entries_ += cache.list(Entry::List::kStale).size();
  if (record.state == CacheRecord::kDropped) {
    dropped_.push_back(std::move(made));
    return cache;
  }
  write_back_.totals_.entries += record.unwritten_entries;
  write_back_.totals_.bytes += record.unwritten_bytes;
  by_name_.emplace(cache.name(), std::move(made));
  by_id_.emplace(cache.id(), &cache);
  caches_.push_back(&cache);
  reserved_bytes_ += cache.settings_.reserved_bytes;
  return cache;
}

void Catalog::adopt_all() {
  {
    const Transaction transaction(*arena_);
    slots_.end_evacuation();
  }
  // Of a process that died, with the rest of their values.
  while (arena_->header().draft != kNoRef) writer_.discard_draft(arena_->header().draft);
  for (std::uint32_t ordinal = 0; ordinal < kCachesMax; ++ordinal) {
    const Ref ref = arena_->cache_ref(ordinal);
    if (ref == kNoRef) continue;
    Cache& cache = adopt(arena_->at<CacheRecord>(ref));
    if (!arena_->was_closed_cleanly()) cache.forget_jobs();
  }
  is_trimming_ = true;
  refresh_work_bound();
}

void Catalog::forget_record(CacheRecord& record) {
  const Transaction transaction(*arena_);
  arena_->disturb_catalog();
  Ref& cell = arena_->cache_ref(record.ordinal);
  slots_.give_back(cell);
  arena_->set(cell, kNoRef);
}

void Catalog::raise_next_id(CacheId above) {
  const Transaction transaction(*arena_);
  std::uint32_t& id_last = arena_->header().id_last;
  if (above > id_last) arena_->set(id_last, above);
}

std::optional<Dropped> Catalog::drop(std::string_view name) {
  const auto found = by_name_.find(name);
  if (found == by_name_.end()) return std::nullopt;
  std::unique_ptr<Cache> cache = std::move(found->second);
  by_name_.erase(found);
  by_id_.erase(cache->id());
  std::erase(caches_, cache.get());
  reserved_bytes_ -= cache->settings_.reserved_bytes;
  write_back_.totals_.entries -= cache->record_.unwritten_entries;
  write_back_.totals_.bytes -= cache->record_.unwritten_bytes;
  {
    const Transaction transaction(*arena_);
    arena_->disturb_catalog();
    arena_->set(cache->record_.state, CacheRecord::kDropped);
  }
  const Dropped dropped{cache->id(), cache->is_durable()};
  dropped_.push_back(std::move(cache));
  return dropped;
}

}  // namespace pannier::storage
