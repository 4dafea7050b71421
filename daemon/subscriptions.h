// Subscriptions: who is told of changes in which cache. A notification is appended to the subscriber's output
// at the moment of the change, and so stands before the reply to the request that caused it.
//
// Memory is bounded: to a subscriber that does not keep up (unsent output above the budget) nothing is queued
// but the fact that something was lost; when it has caught up it gets nil for the keys: forget everything. A
// subscription is to a name: it outlives a drop of the cache and sees what is opened under that name
// afterwards.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "daemon/config.h"
#include "daemon/dispatcher.h"
#include "storage/catalog.h"

namespace pannier::daemon {

class Subscriptions final : public storage::ChangeListener {
 public:
  /// Of all prefixes of a connection.
  static constexpr std::size_t kPrefixBytesMax = protocol::kKeyBytesMax;

  /// Both must outlive it.
  Subscriptions(Outbox& outbox, const ClientLimits& limits) : outbox_(outbox), limits_(limits) {}

  /// The sequence of the subscription's latest notification (0 at first); subscribing again replaces the
  /// prefix and goes on counting. Nothing if the connection has as many as it may, or the prefixes of all of
  /// them would be longer than kPrefixBytesMax.
  std::optional<std::uint64_t> subscribe(ConnectionId connection, std::string_view cache,
                                         std::string_view prefix);
  bool unsubscribe(ConnectionId connection, std::string_view cache);
  /// Of the latest notification; 0 without a subscription too.
  std::uint64_t sequence(ConnectionId connection, std::string_view cache) const;

  /// One key changed.
  void changed(std::string_view cache, std::string_view key);
  /// The same, from storage; why it changed makes no difference to a local copy.
  void changed(const storage::Cache& cache, std::string_view key, storage::Change) override {
    changed(cache.name(), key);
  }
  /// Any key with the prefix may have changed (clear, drop): tells nil to whom it concerns.
  void changed_all(std::string_view cache, std::string_view prefix);
  /// Connections with a subscription to a cache that `may_read` says no to. Each once.
  std::vector<ConnectionId> without_right(
      const std::function<bool(ConnectionId, std::string_view cache)>& may_read) const;
  /// Its output has drained: what was lost is told.
  void drained(ConnectionId connection);
  void closed(ConnectionId connection);

  std::uint64_t count() const { return subscriptions_.size(); }

 private:
  struct Subscription {
    std::string prefix;
    std::uint64_t sequence = 0;
    bool has_lost = false;
  };
  /// By cache, so that the subscribers of one stand together.
  using Name = std::pair<std::string, ConnectionId>;
  using Map = std::map<Name, Subscription, std::less<>>;

  /// `key`: nothing for all keys.
  void tell(const Name& name, Subscription& subscription, std::optional<std::string_view> key);

  Outbox& outbox_;
  const ClientLimits& limits_;
  Map subscriptions_;
  struct OfConnection {
    std::uint32_t subscriptions = 0;
    std::size_t prefix_bytes = 0;
  };
  std::map<ConnectionId, OfConnection> connections_;
};

}  // namespace pannier::daemon
