// What a Subscription holds: its connection, and the last sequence it has heard of each cache.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "client/connection.h"
#include "client/pool.h"
#include "pannier/detail/request.h"
#include "pannier/subscription.h"

namespace pannier {

struct Subscription::Channel {
  std::shared_ptr<detail::Pool> pool;
  std::unique_ptr<detail::Connection> connection;
  /// Of each subscribed cache, the sequence of the latest notification that was heard.
  std::map<std::string, std::uint64_t, std::less<>> sequences = {};
  /// Changes that are to be told before anything new.
  std::deque<Invalidation> heard = {};

  /// The result of `request`; the subscription is over after a TransportError.
  std::string ask(const detail::Request& request);
  /// Takes the next notification and puts what it tells into `heard`. False: none came until the deadline.
  bool hear(detail::Deadline deadline);

 private:
  void take(Invalidation change);
  [[noreturn]] void end(const detail::Failure& failure);
};

}  // namespace pannier
