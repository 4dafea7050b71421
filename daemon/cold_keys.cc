#include "daemon/cold_keys.h"

#include <iterator>
#include <string>
#include <utility>
#include <vector>

namespace pannier::daemon {

using protocol::Error;
using protocol::ErrorCode;
using storage::TimeMs;

ColdKeys::ColdKeys(storage::Catalog& catalog, DiskWorker& disk, const Clock& clock,
                   const DurableOptions& options)
    : catalog_(catalog), disk_(disk), clock_(clock), options_(options) {}

bool ColdKeys::is_waited_for(storage::CacheId cache, std::string_view key) const {
  if (is_running_ || loading_.empty()) return false;
  return barriers_.contains(cache) || loading_.contains(CacheKey{cache, std::string(key)});
}

std::optional<Error> ColdKeys::park(const CacheKey& key, std::unique_ptr<KeyOperation>&& operation) {
  const auto barrier = barriers_.find(key.cache);
  if (barrier != barriers_.end()) {
    barrier->second.followers.push_back({key.key, std::move(operation), nullptr});
    return std::nullopt;
  }
  const auto found = loading_.find(key);
  if (found != loading_.end()) {
    found->second.operations.push_back(std::move(operation));
    return std::nullopt;
  }
  if (loading_.size() >= options_.loads_waiting_max) {
    return Error{ErrorCode::kOverloaded, std::to_string(loading_.size()) +
                                             " keys are being read from disk, as many as max_loads allows; "
                                             "try again later"};
  }
  Loading& loading = loading_.emplace(key, Loading{++number_last_, {}}).first->second;
  loading.operations.push_back(std::move(operation));
  numbers_[key.cache].insert(number_last_);
  load(key);
  return std::nullopt;
}

void ColdKeys::run_behind(storage::CacheId cache, CacheOperation operation, TimeMs now) {
  const auto barrier = barriers_.find(cache);
  if (barrier != barriers_.end()) {
    barrier->second.followers.push_back({{}, nullptr, std::move(operation)});
  } else if (numbers_.contains(cache)) {
    behind_.emplace(std::pair(cache, number_last_), std::move(operation));
  } else {
    operation(now);
  }
}

void ColdKeys::run_in_turn(storage::CacheId cache, CacheOperation operation, TimeMs now) {
  const auto barrier = barriers_.find(cache);
  if (barrier != barriers_.end()) {
    barrier->second.followers.push_back({{}, nullptr, std::move(operation), true});
  } else if (numbers_.contains(cache)) {
    barriers_[cache].operation = std::move(operation);
  } else {
    operation(now);
  }
}

void ColdKeys::dropped(storage::CacheId cache, const Error& error) {
  auto first = loading_.lower_bound(CacheKey{cache, {}});
  while (first != loading_.end() && first->first.cache == cache) {
    const auto next = std::next(first);
    const Queue queue = take(first);
    for (const auto& operation : queue) operation->fail(error);
    first = next;
  }
  const auto barrier = barriers_.find(cache);
  if (barrier != barriers_.end()) {
    for (auto& follower : barrier->second.followers) {
      if (follower.on_key) follower.on_key->fail(error);
    }
    std::erase_if(barrier->second.followers,
                  [](const Follower& follower) { return follower.on_key != nullptr; });
  }
  settle(cache, clock_.now());
}

void ColdKeys::load(const CacheKey& key) {
  disk_.load(key.cache, key.key, [this, key](const LoadResult& result) { loaded(key, result); });
}

void ColdKeys::loaded(const CacheKey& key, const LoadResult& result) {
  const auto found = loading_.find(key);
  storage::Cache* cache = catalog_.find(key.cache);
  if (found == loading_.end() || cache == nullptr) return;  // dropped meanwhile, and answered then
  const TimeMs now = clock_.now();
  const Error error = admit(*cache, key.key, result, now);
  const Queue queue = take(found);
  for (const auto& operation : queue) {
    if (!run(*operation, now)) operation->fail(error);
  }
  cache->release_loaded(key.key);
  settle(key.cache, now);
}

bool ColdKeys::run(KeyOperation& operation, TimeMs now) {
  is_running_ = true;
  const bool has_run = operation.attempt(now);
  is_running_ = false;
  return has_run;
}

Error ColdKeys::admit(storage::Cache& cache, std::string_view key, const LoadResult& result, TimeMs now) {
  if (const auto* error = std::get_if<storage::StoreError>(&result))
    return {ErrorCode::kStorage, error->text};
  const auto* record = std::get_if<storage::Record>(&result);
  if (record == nullptr) {
    cache.loaded(key, storage::Absent(), now);
  } else if (!cache.loaded(key, *record, now)) {
    storage::EntrySizes sizes;
    sizes.add(cache.charge_for(key.size(), record->value.size()));
    const auto refusal = cache.refusal_of(sizes, {});
    if (refusal && std::holds_alternative<storage::TooBig>(*refusal)) {
      return {ErrorCode::kOutOfMemory, "the entry on disk takes " +
                                           std::to_string(key.size() + record->value.size()) +
                                           " bytes, more than the memory limit can give to its cache"};
    }
  }
  return {ErrorCode::kOverloaded,
          "no memory to read the entry into: it is full of entries that wait for the disk; try again later"};
}

ColdKeys::Queue ColdKeys::take(std::map<CacheKey, Loading>::iterator loading) {
  const storage::CacheId cache = loading->first.cache;
  const auto numbers = numbers_.find(cache);
  numbers->second.erase(loading->second.number);
  if (numbers->second.empty()) numbers_.erase(numbers);
  Queue queue = std::move(loading->second.operations);
  loading_.erase(loading);
  return queue;
}

void ColdKeys::settle(storage::CacheId cache, TimeMs now) {
  const auto numbers = numbers_.find(cache);
  const auto end = numbers == numbers_.end()
                       ? behind_.upper_bound(std::pair(cache, number_last_))
                       : behind_.lower_bound(std::pair(cache, *numbers->second.begin()));
  std::vector<CacheOperation> ready;
  const auto begin = behind_.lower_bound(std::pair(cache, std::uint64_t{0}));
  for (auto one = begin; one != end; ++one) ready.push_back(std::move(one->second));
  behind_.erase(begin, end);
  for (const auto& operation : ready) operation(now);
  lift_barrier(cache, now);
}

void ColdKeys::lift_barrier(storage::CacheId cache, TimeMs now) {
  const auto found = barriers_.find(cache);
  if (found == barriers_.end() || numbers_.contains(cache)) return;
  Barrier barrier = std::move(found->second);
  barriers_.erase(found);
  barrier.operation(now);
  for (auto& follower : barrier.followers) follow(cache, std::move(follower), now);
}

void ColdKeys::follow(storage::CacheId cache, Follower follower, TimeMs now) {
  if (follower.on_cache) {
    return follower.is_barrier ? run_in_turn(cache, std::move(follower.on_cache), now)
                               : run_behind(cache, std::move(follower.on_cache), now);
  }
  const bool may_run = !is_waited_for(cache, follower.key);
  if (may_run && run(*follower.on_key, now)) return;
  if (const auto refused = park({cache, follower.key}, std::move(follower.on_key))) {
    follower.on_key->fail(*refused);
  }
}

}  // namespace pannier::daemon
