#include "storage/catalog.h"

#include <algorithm>
#include <utility>

#include "storage/broken.h"

namespace pannier::storage {

namespace {

/// Moves that one step makes at most.
constexpr std::uint64_t kMovesAtOnce = 256;

std::unique_ptr<Arena> make_arena(std::uint64_t bytes) {
  Arena::Made made = Arena::create(bytes);
  if (const auto* fault = std::get_if<ArenaFault>(&made)) broken(fault->text.c_str());
  return std::get<std::unique_ptr<Arena>>(std::move(made));
}

}  // namespace

Catalog::Catalog(const CatalogOptions& options, ChangeListener& listener)
    : Catalog(options, listener, make_arena(options.memory_bytes_max)) {}

Catalog::Catalog(const CatalogOptions& options, ChangeListener& listener, std::unique_ptr<Arena> arena)
    : options_(options), listener_(listener), arena_(std::move(arena)) {
  adopt_all();
}

Catalog::~Catalog() {
  // Where none of its functions runs, it is drafts alone that watch, those that are over too.
  if (mover_.is_watched()) broken("a draft outlives its catalog");
}

Cache* Catalog::find(std::string_view name) {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : found->second.get();
}

Cache* Catalog::find(CacheId id) {
  const auto found = by_id_.find(id);
  return found == by_id_.end() ? nullptr : found->second;
}

std::vector<Cache*> Catalog::caches() {
  std::vector<Cache*> caches;
  caches.reserve(by_name_.size());
  for (const auto& [name, cache] : by_name_) caches.push_back(cache.get());
  return caches;
}

std::uint64_t Catalog::entries_in_memory() const {
  std::uint64_t entries = 0;
  for (const Cache* cache : caches_) entries += cache->index_.size();
  return entries;
}

Cache* Catalog::find_ordinal(std::uint32_t ordinal) {
  const Ref ref = arena_->cache_ref(ordinal);
  return ref == kNoRef ? nullptr : find(arena_->at<CacheRecord>(ref).id);
}

std::optional<NotedUse> Catalog::note_use(Ref ref, Version version, TimeMs now) {
  const std::uint32_t page = page_of(ref);
  if (page < arena_->first_page() || page >= arena_->header().fresh_page) return std::nullopt;
  if (arena_->class_of_page(page) < kFirstEntryClass || slot_of(ref) >= slots_.fresh_slot(page))
    return std::nullopt;
  const EntryAt entry = entry_at(*arena_, ref);
  if (!entry->has_value() || entry->version() != version) return std::nullopt;
  Cache* const cache = find_ordinal(entry->ordinal());
  if (cache == nullptr || now >= entry->deadline()) return std::nullopt;
  cache->use(entry);
  return NotedUse{cache->id(), key_of(*arena_, entry)};
}

void Catalog::close_cleanly() {
  // Clears that did not end are forgotten below: nobody may see what they cover.
  arena_->stop_serving_readers();
  // Nothing is in flight once the process ends, and nobody waits for a load.
  for (Cache* cache : caches_) cache->forget_jobs();
  arena_->close_cleanly();
}

bool Catalog::step(TimeMs now, std::uint64_t visits_max) {
  std::uint64_t visits = visits_max;
  bool is_trimming = false;
  for (std::size_t swept = 0; swept < caches_.size() && visits > 0; ++swept) {
    sweep_from_ = (sweep_from_ + 1) % caches_.size();
    Cache& cache = *caches_[sweep_from_];
    cache.sweep(now, visits);
    is_trimming = cache.trim(visits, now) || is_trimming;
    while (visits > 0 && cache.index_.maintain()) --visits;
  }
  while (visits > 0 && free_dropped_one()) --visits;
  is_untidy_ = visits == 0 || tidy(std::min(visits, kMovesAtOnce));
  refresh_work_bound();
  if (visits > 0) is_trimming_ = is_trimming;
  return next_due() <= now;
}

TimeMs Catalog::next_due() const {
  if (is_trimming_ || is_untidy_ || !dropped_.empty()) return 0;
  return work_bound_;
}

std::uint64_t Catalog::expiry_lag_ms(TimeMs now) const {
  TimeMs first = now;
  for (const Cache* cache : caches_) first = std::min(first, cache->deadlines_.first_due());
  return static_cast<std::uint64_t>(now - first);
}

void Catalog::refresh_work_bound() {
  work_bound_ = kNever;
  for (const Cache* cache : caches_) work_bound_ = std::min(work_bound_, cache->deadlines_.next_work());
}

void Catalog::set_versions(Version from, Version bound) {
  ArenaHeader& head = arena_->header();
  const Transaction transaction(*arena_);
  arena_->set(head.version_next, std::max<Version>(head.version_next, from));
  arena_->set(head.versions_bound, std::min(bound, kVersionMax + 1));
  arena_->set(head.store_bound, bound);
}

DurableCoherence Catalog::meet_store(std::string_view identity, Version reserved_bound) {
  ArenaHeader& head = arena_->header();
  const std::string_view known(head.store_identity.data(), head.store_identity.size());
  const bool is_new = known.find_first_not_of('\0') == std::string_view::npos;
  const bool has_bound = reserved_bound == head.store_bound || reserved_bound == head.store_bound_pending;
  const bool is_same = known.substr(0, identity.size()) == identity && has_bound;
  if (!is_same) {
    head.store_identity = {};
    for (Cache* cache : caches_) {
      if (cache->is_durable()) cache->forget_clean();
    }
  }
  const Transaction transaction(*arena_);
  arena_->set(head.store_bound, reserved_bound);
  if (is_same) return {true, ""};
  if (is_new) return {false, ""};
  return {
      false,
      "the data directory is not the one that the arena was last used with, or was written to since: "
      "durable entries that were on disk are read from there, those that were not yet are kept and written"};
}

void Catalog::belong_to_store(std::string_view identity) {
  identity.copy(arena_->header().store_identity.data(), arena_->header().store_identity.size());
}

void Catalog::note_reserving(Version bound) {
  const Transaction transaction(*arena_);
  arena_->set(arena_->header().store_bound_pending, bound);
}

Version Catalog::version_last() const { return arena_->header().version_next - 1; }

}  // namespace pannier::storage
