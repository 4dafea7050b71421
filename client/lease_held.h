// What a Lease holds until it is done: the connection that the token was granted on, and where to return it
// to.
#pragma once

#include <memory>
#include <string>

#include "client/connection.h"
#include "client/pool.h"
#include "pannier/detail/request.h"
#include "pannier/lease.h"

namespace pannier {

struct Lease::Held {
  std::shared_ptr<detail::Pool> pool;
  std::unique_ptr<detail::Connection> connection;
  std::string cache;
  std::string key;
  Token token;

  /// The result of `request` over the connection, which is gone after a TransportError, and with it the
  /// lease.
  std::string ask(const detail::Request& request);
  /// Returns the connection: the lease is over.
  void end();
};

}  // namespace pannier
