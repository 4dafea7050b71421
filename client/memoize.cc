#include "pannier/memoize.h"

#include <algorithm>
#include <vector>

#include "client/deadline.h"

namespace pannier::detail {

namespace {

struct Key {
  const Client* client;
  std::string_view cache;
  std::string_view key;
  friend bool operator==(const Key&, const Key&) = default;
};

/// What this thread is computing, the outermost call first.
thread_local std::vector<Key> computing;

Key key_in(const Cache<>& cache, std::string_view key) { return {&cache.client(), cache.name(), key}; }

}  // namespace

Computing::Computing(const Cache<>& cache, std::string_view key) { computing.push_back(key_in(cache, key)); }

Computing::~Computing() { computing.pop_back(); }

Memo::Plan Memo::plan(const std::string& key) {
  // A lease would be waited for that this very thread holds.
  if (std::ranges::find(computing, key_in(cache_, key)) != computing.end()) return {};
  if (is_to_be_left_alone()) return {};
  try {
    auto found = lease(key);
    if (away_until_ != 0) away_until_ = 0;
    // Without either, another caller is slow; whose result is first counts for all who still wait.
    if (!found.value && !found.lease) return {.condition = IfAbsent{}};
    return {std::move(found.value), std::move(found.lease)};
  } catch (const Error& error) {
    failed(error);
    return {};
  }
}

void Memo::store(Plan& plan, const std::string& key, std::string_view packed) {
  PutOptions options{.ttl = options_.ttl, .stale = options_.stale};
  try {
    if (plan.lease) {
      plan.lease->put_raw(packed, options);
    } else {
      options.condition = *plan.condition;
      cache_.put_raw(key, packed, options);
    }
  } catch (const Error& error) {
    failed(error);
  }
}

void Memo::failed(const Error& error) {
  if (options_.on_error == OnError::kRaise) throw;
  if (dynamic_cast<const TransportError*>(&error)) {
    away_until_ = deadline_after(options_.retry_after).time_since_epoch().count();
  }
  if (options_.on_failure) options_.on_failure(error);
}

// When the time has come, one caller looks whether the daemon is back, and the others go on without it until
// that one knows.
bool Memo::is_to_be_left_alone() {
  auto until = away_until_.load();
  if (until == 0) return false;
  if (Clock::now().time_since_epoch().count() < until) return true;
  const auto next = deadline_after(options_.retry_after).time_since_epoch().count();
  return !away_until_.compare_exchange_strong(until, next);
}

LeaseResult<std::string> Memo::lease(const std::string& key) {
  try {
    return cache_.lease_raw(key, options_.lease);
  } catch (const ServerError& error) {
    if (error.code() != ErrorCode::kUnknownCache || !options_.open) throw;
  }
  cache_.open(*options_.open);
  return cache_.lease_raw(key, options_.lease);
}

}  // namespace pannier::detail
