#include "daemon/leases.h"

#include <algorithm>

namespace pannier::daemon {

using storage::TimeMs;

namespace {

std::uint64_t count_of(const CacheKey& key) { return 1 + key.key.size() / Leases::kBytesCounted; }

}  // namespace

Leases::Leases(const ClientLimits& limits, std::function<std::optional<Token>()> take_token)
    : limits_(limits), take_token_(std::move(take_token)) {}

bool Leases::is_holder(const CacheKey& key, Token token) const {
  const auto found = leases_.find(key);
  return found != leases_.end() && found->second.token == token;
}

Leases::Bound Leases::bound_on_holding(const LeaseRequest& request) const {
  const auto found = connections_.find(request.connection);
  if (found != connections_.end() && found->second.counted.held >= limits_.leases_max)
    return Bound::kOfConnection;
  const auto user = request.user ? users_.find(*request.user) : users_.end();
  return user != users_.end() && user->second.held >= limits_.user_leases_max ? Bound::kOfUser : Bound::kNone;
}

Leases::Bound Leases::bound_on_waiting(const LeaseRequest& request) const {
  const auto found = connections_.find(request.connection);
  if (found != connections_.end() && found->second.counted.waits >= limits_.waiting_max)
    return Bound::kOfConnection;
  const auto user = request.user ? users_.find(*request.user) : users_.end();
  return user != users_.end() && user->second.waits >= limits_.user_waiting_max ? Bound::kOfUser
                                                                                : Bound::kNone;
}

std::optional<Token> Leases::grant(const CacheKey& key, const LeaseRequest& request, TimeMs now) {
  const auto token = take_token_();
  if (!token) return std::nullopt;
  return hold(leases_.emplace(key, Lease{}).first, *token, request, now);
}

void Leases::wait(const CacheKey& key, const LeaseRequest& request, TimeMs wait_ends) {
  const auto lease = leases_.find(key);
  lease->second.waiters.push_back({request, wait_ends, ++waiter_last_});
  timers_.insert({wait_ends, waiter_last_, key});
  OfConnection& books = connections_[request.connection];
  books.waits.insert(key);
  books.counted.waits += count_of(key);
  if (request.user) users_[*request.user].waits += count_of(key);
  ++waiting_;
}

LeaseAnswers Leases::written(const CacheKey& key) {
  LeaseAnswers answers;
  const auto lease = leases_.find(key);
  if (lease == leases_.end()) return answers;
  let_go(lease);
  dissolve(lease, LeaseAnswer::Kind::kValue, answers);
  return answers;
}

LeaseAnswers Leases::passed_on(const CacheKey& key, TimeMs now) {
  LeaseAnswers answers;
  const auto lease = leases_.find(key);
  if (lease == leases_.end()) return answers;
  let_go(lease);
  pass_on(lease, now, answers);
  return answers;
}

LeaseAnswers Leases::cleared(storage::CacheId cache, std::string_view prefix, TimeMs now) {
  LeaseAnswers answers;
  for (const auto& key : leased_keys(cache, prefix)) {
    const auto lease = leases_.find(key);
    let_go(lease);
    pass_on(lease, now, answers);
  }
  return answers;
}

LeaseAnswers Leases::dropped(storage::CacheId cache) {
  LeaseAnswers answers;
  for (const auto& key : leased_keys(cache, {})) {
    const auto lease = leases_.find(key);
    let_go(lease);
    dissolve(lease, LeaseAnswer::Kind::kNoCache, answers);
  }
  return answers;
}

LeaseAnswers Leases::ended(ConnectionId connection, TimeMs now) {
  LeaseAnswers answers;
  const auto found = connections_.find(connection);
  if (found == connections_.end()) return answers;
  // Its waits first: a lease that it held must not pass on to itself.
  const OfConnection books = found->second;
  for (const auto& key : std::set<CacheKey>(books.waits.begin(), books.waits.end())) {
    const auto lease = leases_.find(key);
    auto& waiters = lease->second.waiters;
    const auto gone = std::stable_partition(waiters.begin(), waiters.end(), [&](const Waiter& waiter) {
      return waiter.request.connection != connection;
    });
    for (auto waiter = gone; waiter != waiters.end(); ++waiter) {
      forget(lease, *waiter);
      answers.push_back({LeaseAnswer::Kind::kNothing, waiter->request, key});
    }
    waiters.erase(gone, waiters.end());
  }
  for (const auto& key : books.held) {
    const auto lease = leases_.find(key);
    let_go(lease);
    pass_on(lease, now, answers);
  }
  return answers;
}

LeaseAnswers Leases::shut_down() {
  LeaseAnswers answers;
  while (!leases_.empty()) {
    let_go(leases_.begin());
    dissolve(leases_.begin(), LeaseAnswer::Kind::kNothing, answers);
  }
  return answers;
}

LeaseAnswers Leases::expire(TimeMs now) {
  LeaseAnswers answers;
  while (!timers_.empty() && timers_.begin()->at <= now) {
    const Timer timer = *timers_.begin();
    const auto lease = leases_.find(timer.key);
    if (timer.waiter == 0) {
      let_go(lease);
      pass_on(lease, now, answers);
      continue;
    }
    auto& waiters = lease->second.waiters;
    const auto waiter = std::find_if(waiters.begin(), waiters.end(),
                                     [&](const Waiter& one) { return one.number == timer.waiter; });
    forget(lease, *waiter);
    answers.push_back({LeaseAnswer::Kind::kNothing, waiter->request, timer.key});
    waiters.erase(waiter);
  }
  return answers;
}

TimeMs Leases::next_due() const { return timers_.empty() ? storage::kNever : timers_.begin()->at; }

std::uint64_t Leases::waiting(ConnectionId connection) const {
  const auto found = connections_.find(connection);
  return found == connections_.end() ? 0 : found->second.waits.size();
}

Token Leases::hold(Position lease, Token token, const LeaseRequest& request, TimeMs now) {
  lease->second.token = token;
  lease->second.holder = request.connection;
  lease->second.ends = now + static_cast<TimeMs>(request.lease_ms);
  timers_.insert({lease->second.ends, 0, lease->first});
  lease->second.user = request.user;
  OfConnection& books = connections_[request.connection];
  books.held.insert(lease->first);
  books.counted.held += count_of(lease->first);
  if (request.user) users_[*request.user].held += count_of(lease->first);
  return token;
}

void Leases::let_go(Position lease) {
  timers_.erase({lease->second.ends, 0, lease->first});
  OfConnection& books = connections_[lease->second.holder];
  books.held.erase(lease->first);
  books.counted.held -= count_of(lease->first);
  tidy(lease->second.holder);
  if (!lease->second.user) return;
  users_[*lease->second.user].held -= count_of(lease->first);
  tidy_user(*lease->second.user);
}

void Leases::forget(Position lease, const Waiter& waiter) {
  timers_.erase({waiter.ends, waiter.number, lease->first});
  OfConnection& books = connections_[waiter.request.connection];
  books.waits.erase(books.waits.find(lease->first));
  books.counted.waits -= count_of(lease->first);
  tidy(waiter.request.connection);
  --waiting_;
  if (!waiter.request.user) return;
  users_[*waiter.request.user].waits -= count_of(lease->first);
  tidy_user(*waiter.request.user);
}

void Leases::pass_on(Position lease, TimeMs now, LeaseAnswers& answers) {
  auto& waiters = lease->second.waiters;
  while (!waiters.empty()) {
    const Waiter waiter = waiters.front();
    forget(lease, waiter);
    waiters.pop_front();
    if (waiter.ends <= now) {
      answers.push_back({LeaseAnswer::Kind::kNothing, waiter.request, lease->first});
      continue;
    }
    const bool may_hold = bound_on_holding(waiter.request) == Bound::kNone;
    const auto token = may_hold ? take_token_() : std::nullopt;
    if (!token) {
      answers.push_back({LeaseAnswer::Kind::kTooMany, waiter.request, lease->first});
      continue;
    }
    hold(lease, *token, waiter.request, now);
    answers.push_back({LeaseAnswer::Kind::kGranted, waiter.request, lease->first, *token});
    return;
  }
  leases_.erase(lease);
}

void Leases::dissolve(Position lease, LeaseAnswer::Kind kind, LeaseAnswers& answers) {
  for (const auto& waiter : lease->second.waiters) {
    forget(lease, waiter);
    answers.push_back({kind, waiter.request, lease->first});
  }
  leases_.erase(lease);
}

std::vector<CacheKey> Leases::leased_keys(storage::CacheId cache, std::string_view prefix) const {
  std::vector<CacheKey> keys;
  for (auto lease = leases_.lower_bound({cache, std::string(prefix)});
       lease != leases_.end() && lease->first.cache == cache && lease->first.key.starts_with(prefix);
       ++lease) {
    keys.push_back(lease->first);
  }
  return keys;
}

void Leases::tidy(ConnectionId connection) {
  const auto found = connections_.find(connection);
  if (found->second.held.empty() && found->second.waits.empty()) connections_.erase(found);
}

void Leases::tidy_user(uid_t user) {
  const auto found = users_.find(user);
  if (found->second.held == 0 && found->second.waits == 0) users_.erase(found);
}

}  // namespace pannier::daemon
