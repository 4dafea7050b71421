// One request and its answer, as callers of the library see it: over a connection of the pool, repeated where
// that does no harm, and with an exception for every way not to get a result.
#pragma once

#include <exception>
#include <optional>
#include <string>

#include "client/connection.h"
#include "client/pool.h"
#include "pannier/detail/request.h"

namespace pannier::detail {

/// When `request` has to be answered, if it is sent now.
Deadline deadline_of(const Request& request, const ClientOptions& options);

/// The result of `request`. After a connection that turned out to be closed, the request goes once over a new
/// one: if not a byte of it was accepted, or if it is repeatable. Throws what error.h says of Client's
/// methods.
std::string round_trip(Pool& pool, const Request& request);

/// The same; the connection it went over stays out of the pool until it is given back with Pool::give.
struct HeldResult {
  std::string result;
  std::unique_ptr<Connection> connection;
};
HeldResult round_trip_held(Pool& pool, const Request& request);

/// The result of `request` over this connection, whatever happens; `connection` is of no more use after a
/// TransportError.
std::string round_trip_on(Connection& connection, const Request& request, Deadline deadline);

/// The result of a request that was sent over this connection already.
std::string await_answer(Connection& connection, const Request& request, Deadline deadline);

/// Throws the exception that stands for `failure`.
[[noreturn]] void throw_failure(const Failure& failure);
std::exception_ptr exception_of(const Failure& failure);

}  // namespace pannier::detail
