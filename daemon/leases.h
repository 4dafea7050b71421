// Leases: who may compute which key, and who waits for it. One lease a key; its holder is a connection, its
// end a time. Waiters stand in a queue under the key and are served in the order in which they came.
//
// Pure bookkeeping: it knows neither values nor sockets nor the clock. Each call returns what is to be
// answered to whom; the caller looks up values, counts hits and misses, and sends. Everything here is gone
// with the process: a lease ends with its connection.
//
// Keys are kept here, so a long one counts more than once against the limits: once for each kBytesCounted.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "daemon/address.h"
#include "daemon/config.h"
#include "daemon/dispatcher.h"
#include "protocol/message.h"
#include "storage/types.h"

namespace pannier::daemon {

using Token = std::uint64_t;

/// One who asked for a lease, and how its request is to be answered.
struct LeaseRequest {
  ConnectionId connection = 0;
  protocol::MessageId id;
  std::uint64_t lease_ms = 0;  ///< how long its lease lasts if it gets one
  Received received = {};
  std::optional<uid_t> user = std::nullopt;  ///< whose leases and waits are bounded together, if they are
};

/// A key of a cache.
struct CacheKey {
  storage::CacheId cache = 0;
  std::string key;
  friend auto operator<=>(const CacheKey&, const CacheKey&) = default;
};

/// A waiter leaves its queue.
struct LeaseAnswer {
  enum class Kind : std::uint8_t {
    kGranted,  ///< it is the holder now: answer the token
    kValue,    ///< the key was written: answer the value
    kNothing,  ///< its time is over, or its client ended: answer nil
    kNoCache,  ///< the cache was dropped: answer unknown_cache
    kTooMany,  ///< it holds as many leases as it may: answer overloaded
  } kind;
  LeaseRequest request;
  CacheKey key;
  Token token = 0;  ///< of kGranted
};
using LeaseAnswers = std::vector<LeaseAnswer>;

class Leases {
 public:
  static constexpr std::size_t kBytesCounted = 1'024;

  /// `take_token`: a number never given before, or nothing if none is left (then a lease ends instead of
  /// passing on). `limits` must outlive it.
  Leases(const ClientLimits& limits, std::function<std::optional<Token>()> take_token);

  /// Whether the key is leased at all, by whomever.
  bool is_leased(const CacheKey& key) const { return leases_.contains(key); }
  bool is_holder(const CacheKey& key, Token token) const;
  /// What keeps the one who asks from holding one more.
  enum class Bound : std::uint8_t { kNone, kOfConnection, kOfUser };
  Bound bound_on_holding(const LeaseRequest& request) const;
  /// The same of waiting.
  Bound bound_on_waiting(const LeaseRequest& request) const;

  /// Precondition: the key is not leased, and the connection may hold more. Nothing if no token is left.
  std::optional<Token> grant(const CacheKey& key, const LeaseRequest& request, storage::TimeMs now);
  /// Precondition: the key is leased.
  void wait(const CacheKey& key, const LeaseRequest& request, storage::TimeMs wait_ends);

  /// A value that is still good was written: the lease ends, and every waiter gets the value.
  LeaseAnswers written(const CacheKey& key);
  /// The lease ends without a good value (release, delete, a value that is past its deadline already): the
  /// next waiter gets a token.
  LeaseAnswers passed_on(const CacheKey& key, storage::TimeMs now);
  /// The same for every leased key of the cache with the prefix (clear).
  LeaseAnswers cleared(storage::CacheId cache, std::string_view prefix, storage::TimeMs now);
  LeaseAnswers dropped(storage::CacheId cache);
  /// The client is done or gone: its waits end with kNothing, its leases pass on.
  LeaseAnswers ended(ConnectionId connection, storage::TimeMs now);
  /// Everything ends; all who wait are told kNothing.
  LeaseAnswers shut_down();
  /// Leases and waits whose time is over at `now`.
  LeaseAnswers expire(storage::TimeMs now);
  /// When expire() has something to do next; kNever if nothing.
  storage::TimeMs next_due() const;

  std::uint64_t waiting(ConnectionId connection) const;
  std::uint64_t leases() const { return leases_.size(); }
  std::uint64_t waiting() const { return waiting_; }

 private:
  struct Waiter {
    LeaseRequest request;
    storage::TimeMs ends;
    std::uint64_t number;  ///< tells waiters of one key and time apart
  };
  struct Lease {
    Token token = 0;
    ConnectionId holder = 0;
    std::optional<uid_t> user;  ///< of the holder
    storage::TimeMs ends = 0;
    std::deque<Waiter> waiters;
  };
  struct Timer {
    storage::TimeMs at;
    std::uint64_t waiter;  ///< 0: the lease itself
    CacheKey key;
    friend auto operator<=>(const Timer&, const Timer&) = default;
  };
  /// As they count against the limits.
  struct Counted {
    std::uint64_t held = 0;
    std::uint64_t waits = 0;
  };
  struct OfConnection {
    std::set<CacheKey> held;
    std::multiset<CacheKey> waits;
    Counted counted;
  };
  using Position = std::map<CacheKey, Lease>::iterator;

  Token hold(Position lease, Token token, const LeaseRequest& request, storage::TimeMs now);
  /// Ends the present holding: its timer and its entry under the connection.
  void let_go(Position lease);
  /// Takes a waiter out of all books but the queue itself.
  void forget(Position lease, const Waiter& waiter);
  void pass_on(Position lease, storage::TimeMs now, LeaseAnswers& answers);
  /// Ends a lease that has no holder any more: everyone in the queue is answered `kind`.
  void dissolve(Position lease, LeaseAnswer::Kind kind, LeaseAnswers& answers);
  std::vector<CacheKey> leased_keys(storage::CacheId cache, std::string_view prefix) const;
  void tidy(ConnectionId connection);
  void tidy_user(uid_t user);

  const ClientLimits& limits_;
  std::function<std::optional<Token>()> take_token_;
  std::map<CacheKey, Lease> leases_;
  std::set<Timer> timers_;
  std::unordered_map<ConnectionId, OfConnection> connections_;
  std::unordered_map<uid_t, Counted> users_;
  std::uint64_t waiting_ = 0;
  std::uint64_t waiter_last_ = 0;
};

}  // namespace pannier::daemon
