// A subscription: learn what changes in caches, over a connection of its own. Made for local copies of cached
// values:
//
//   auto subscription = client.subscribe("lru", {.prefix = "user:"});
//   for (;;) {
//     auto change = subscription.next(std::chrono::seconds(1));
//     if (!change) continue;
//     if (change->keys) forget(*change->keys); else forget_everything();
//   }
//
// A local copy is never out of date for longer than the way of one notification if it is filled by this
// object's get(): reads and notifications then share a connection, and with it one order. The daemon bounds
// what it keeps for a slow subscriber; what was lost shows as a change of all keys, never as nothing.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pannier/value.h"

namespace pannier {

class Client;

struct SubscribeOptions {
  /// Only keys that start with it.
  std::string_view prefix = {};
};

/// A change in a cache: keys that were written, erased, expired or evicted.
struct Invalidation {
  std::string cache;
  /// Nothing: all keys of the cache may have changed (clear, drop, or notifications were lost).
  std::optional<std::vector<std::string>> keys;
  /// Grows by one with each notification of a cache.
  std::uint64_t sequence;
};

/// Not thread-safe: one thread at a time. May outlive its Client. After a TransportError it is over: forget
/// all local copies and subscribe anew. Void in a forked child, as a Lease is.
class Subscription {
 public:
  Subscription(Subscription&& other) noexcept;
  Subscription& operator=(Subscription&& other) noexcept;
  /// Ends it.
  ~Subscription();

  /// The next change, waiting at most `timeout` for it (0: only what has arrived). Nothing: none came.
  std::optional<Invalidation> next(std::chrono::milliseconds timeout);

  /// Subscribes to another cache too, or to another prefix of one that is subscribed. The cache's present
  /// sequence.
  std::uint64_t add(std::string_view cache, const SubscribeOptions& options = {});
  /// Stops hearing of `cache`. False: it was not subscribed.
  bool remove(std::string_view cache);

  /// As Client::get, in one order with the changes.
  template <class T>
  std::optional<T> get(std::string_view cache, std::string_view key) {
    const auto packed = get_raw(cache, key);
    return packed ? std::optional<T>(unpack<T>(*packed)) : std::nullopt;
  }
  std::optional<std::string> get_raw(std::string_view cache, std::string_view key);

 private:
  friend class Client;
  struct Channel;
  explicit Subscription(std::unique_ptr<Channel> channel) noexcept;
  std::unique_ptr<Channel> channel_;
};

}  // namespace pannier
