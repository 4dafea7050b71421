#include "storage/catalog.h"

#include <algorithm>

#include "storage/hash.h"

namespace pannier::storage {

Catalog::Catalog(const CatalogOptions& options, ChangeListener& listener)
    : options_(options), listener_(listener), hash_seed_(random_seed()) {}

Catalog::~Catalog() = default;

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

bool Catalog::step(TimeMs now, std::uint64_t visits_max) {
  std::uint64_t visits = visits_max;
  bool is_trimming = false;
  for (std::size_t swept = 0; swept < caches_.size() && visits > 0; ++swept) {
    sweep_from_ = (sweep_from_ + 1) % caches_.size();
    Cache& cache = *caches_[sweep_from_];
    cache.sweep(now, visits);
    is_trimming = cache.trim(visits, now) || is_trimming;
  }
  while (visits > 0 && free_dropped_one()) --visits;
  refresh_work_bound();
  if (visits > 0) is_trimming_ = is_trimming;
  return next_due() <= now;
}

TimeMs Catalog::next_due() const {
  if (is_trimming_ || !dropped_.empty()) return 0;
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
  version_next_ = std::max(version_next_, from);
  versions_bound_ = std::min(bound, kVersionMax + 1);
}

Version Catalog::versions_left() const {
  return versions_bound_ > version_next_ ? versions_bound_ - version_next_ : 0;
}

Version Catalog::version_last() const { return version_next_ - 1; }

std::optional<Version> Catalog::take_version() {
  if (versions_left() == 0) return std::nullopt;
  return version_next_++;
}

}  // namespace pannier::storage
