#include "daemon/cold_keys.h"

#include <string>
#include <utility>

namespace pannier::daemon {

using protocol::Error;
using protocol::ErrorCode;
using storage::TimeMs;

ColdKeys::ColdKeys(storage::Catalog& catalog, DiskWorker& disk, const Clock& clock,
                   std::uint32_t loads_waiting_max)
    : catalog_(catalog), disk_(disk), clock_(clock), loads_waiting_max_(loads_waiting_max) {}

bool ColdKeys::is_waited_for(storage::CacheId cache, std::string_view key) const {
  return !queues_.empty() && queues_.contains(CacheKey{cache, std::string(key)});
}

std::optional<Error> ColdKeys::park(const CacheKey& key, std::unique_ptr<KeyOperation> operation) {
  const auto found = queues_.find(key);
  if (found != queues_.end()) {
    found->second.push_back(std::move(operation));
    return std::nullopt;
  }
  if (queues_.size() >= loads_waiting_max_) {
    return Error{ErrorCode::kOverloaded, std::to_string(queues_.size()) +
                                             " keys are being read from disk, as many as " +
                                             "loads_waiting_max allows; try again later"};
  }
  queues_[key].push_back(std::move(operation));
  load(key);
  return std::nullopt;
}

void ColdKeys::dropped(storage::CacheId cache, const Error& error) {
  auto first = queues_.lower_bound(CacheKey{cache, {}});
  while (first != queues_.end() && first->first.cache == cache) {
    const Queue queue = std::move(first->second);
    first = queues_.erase(first);
    for (const auto& operation : queue) operation->fail(error);
  }
}

void ColdKeys::load(const CacheKey& key) {
  disk_.load(key.cache, key.key, [this, key](const LoadResult& result) { loaded(key, result); });
}

void ColdKeys::loaded(const CacheKey& key, const LoadResult& result) {
  const auto found = queues_.find(key);
  storage::Cache* cache = catalog_.find(key.cache);
  if (found == queues_.end() || cache == nullptr) return;  // dropped meanwhile, and answered then
  const TimeMs now = clock_.now();
  const Error error = admit(*cache, key.key, result, now);
  const Queue queue = std::move(found->second);
  queues_.erase(found);
  for (const auto& operation : queue) {
    if (!operation->attempt(now)) operation->fail(error);
  }
  cache->release_loaded(key.key);
}

Error ColdKeys::admit(storage::Cache& cache, std::string_view key, const LoadResult& result, TimeMs now) {
  if (const auto* error = std::get_if<storage::StoreError>(&result))
    return {ErrorCode::kStorage, error->text};
  if (const auto* record = std::get_if<storage::Record>(&result)) {
    cache.loaded(key, *record, now);
  } else {
    cache.loaded(key, storage::Absent(), now);
  }
  return {ErrorCode::kOverloaded,
          "no memory to read the entry into: it is full of entries that wait for the disk; try again later"};
}

}  // namespace pannier::daemon
