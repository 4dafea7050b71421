#include "daemon/router.h"

#include <memory>
#include <string>
#include <utility>

#include "daemon/handlers/common.h"
#include "daemon/methods.h"
#include "daemon/uv_loop.h"

namespace pannier::daemon {

using protocol::Bytes;
using protocol::Error;
using protocol::ErrorCode;
using storage::TimeMs;

namespace {

/// A client whose requests that wait for the disk hold more than this is not read from until some are
/// answered.
constexpr std::uint64_t kWaitingBytesMax = std::uint64_t{8} << 20;

/// A call that waits for its key, with parameters of its own.
class ParkedCall final : public KeyOperation {
 public:
  ParkedCall(Service& service, const Method& method, const Call& call)
      : service_(service),
        method_(method),
        from_(call.from),
        params_(call.params),
        ticket_(service.waits.take(call.from.connection, call.params.size())) {}

  bool attempt(TimeMs now) override {
    const Sight::Scope scope(service_.sight, from_, params_, Waited::kRead);
    // The configuration may have changed since it came.
    if (const auto denied = service_.guard.refusal(from_.connection, method_.name, method_.takes, params_)) {
      fail(*denied);
      return true;
    }
    const Outcome outcome = method_.handler(service_, {from_, params_, now});
    if (std::holds_alternative<NeedsKey>(outcome)) return false;
    if (const auto* error = std::get_if<Error>(&outcome)) fail(*error);
    return true;
  }
  void fail(const Error& error) override { service_.replies.error(from_, error); }

 private:
  Service& service_;
  const Method& method_;
  Address from_;
  std::string params_;
  std::shared_ptr<Waits::Ticket> ticket_;
};

}  // namespace

bool Router::dispatch(ConnectionId from, Bytes frame, TimeMs now) {
  const auto message = protocol::read_message(frame);
  return std::visit(Match{
                        [&](const protocol::Request& request) {
                          call({from, request.id, false, {}}, request.method, request.params, now);
                          return true;
                        },
                        [&](const protocol::Notification& notification) {
                          call({from, {}, true, {}}, notification.method, notification.params, now);
                          return true;
                        },
                        [&](const protocol::BadRequest& bad) {
                          service_.sight.requested(Meter::kNoMethod);
                          service_.replies.error({from, bad.id, false, {}}, bad.error);
                          return true;
                        },
                        [&](const protocol::NotAMessage& bad) {
                          service_.replies.error({from, bad.id, false, {}}, bad.error);
                          return false;
                        },
                        [](const protocol::Response&) { return true; },
                        [](const protocol::Ignored&) { return true; },
                    },
                    message);
}

void Router::refuse(ConnectionId from, Bytes start, const Error& error) {
  service_.replies.error({from, protocol::id_of_refused(start), false, {}}, error);
}

void Router::call(Address from, Bytes method_name, Bytes params, TimeMs now) {
  const Method* method = method_named(method_name);
  from.received = {UvLoop::clock_ns(), method == nullptr ? Meter::kNoMethod : row_of(*method)};
  service_.sight.requested(from.received.row);
  if (service_.is_stopping) {
    return service_.replies.error(from, {ErrorCode::kShuttingDown, "the daemon is stopping; connect again"});
  }
  if (method == nullptr) {
    return service_.replies.error(
        from, {ErrorCode::kUnknownMethod, "there is no method " + protocol::quoted(method_name)});
  }
  const Sight::Scope scope(service_.sight, from, params);
  if (const auto denied = service_.guard.refusal(from.connection, method->name, method->takes, params)) {
    return service_.replies.error(from, *denied);
  }
  const Call call{from, params, now};
  Outcome outcome = method->handler(service_, call);
  if (auto* needs = std::get_if<NeedsKey>(&outcome)) {
    auto refused = service_.cold_keys.park(needs->key, std::make_unique<ParkedCall>(service_, *method, call));
    if (refused) outcome = std::move(*refused);
  }
  if (const auto* error = std::get_if<Error>(&outcome)) service_.replies.error(from, *error);
}

void Router::arriving(ConnectionId from, Bytes start) { service_.arriving.note(from, start); }

void Router::ended(ConnectionId from, TimeMs now) {
  answer_waiters(service_, service_.leases.ended(from, now), now);
}

std::uint64_t Router::waiting(ConnectionId from) const {
  return service_.waits.of(from).requests + service_.leases.waiting(from);
}

bool Router::is_congested(ConnectionId from) const {
  const auto waits = service_.waits.of(from);
  if (waits.in_order > 0) return true;
  if (waits.requests >= service_.limits.waiting_max || waits.bytes > kWaitingBytesMax) return true;
  const std::uint64_t user_max = service_.limits.user_waiting_max;
  if (service_.waits.requests() >= user_max && service_.waits.requests_of_user(from) >= user_max) return true;
  // Many who each hold little are too many together; who holds nothing goes on.
  return waits.bytes > 0 && service_.waits.bytes() > service_.limits.buffer_bytes_max / 2;
}

void Router::drained(ConnectionId from, TimeMs) { service_.subscriptions.drained(from); }

void Router::closed(ConnectionId from, TimeMs now) {
  service_.sight.monitors.stop(from);
  service_.subscriptions.closed(from);
  service_.backups.end(from);
  service_.shared_reads.closed(from, now);
  service_.arriving.note(from, {});
  ended(from, now);
}

void Router::shut_down() {
  service_.is_stopping = true;
  for (const auto& answer : service_.leases.shut_down()) {
    service_.replies.error({answer.request.connection, answer.request.id, false, answer.request.received},
                           {ErrorCode::kShuttingDown, "the daemon is stopping; connect again"});
  }
}

}  // namespace pannier::daemon
