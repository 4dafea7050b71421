#include "daemon/handlers/common.h"
#include "daemon/handlers/handlers.h"
#include "daemon/params.h"

namespace pannier::daemon {

namespace {

using protocol::Error;
using protocol::ErrorCode;
using protocol::Writer;

constexpr std::uint64_t kLeaseMsDefault = 10'000;

Error overloaded(const std::string& text, std::uint64_t limit, std::string_view limit_name) {
  return {ErrorCode::kOverloaded, "lease: " + text + " " + std::to_string(limit) + ", as many as " +
                                      std::string(limit_name) + " allows"};
}

std::optional<Error> refusal_to_hold(const Service& service, const LeaseRequest& request) {
  switch (service.leases.bound_on_holding(request)) {
    case Leases::Bound::kNone:
      return std::nullopt;
    case Leases::Bound::kOfConnection:
      return overloaded("leases of the connection:", service.limits.leases_max, "max_leases");
    case Leases::Bound::kOfUser:
      return overloaded("leases of the user:", service.limits.user_leases_max, "max_user_leases");
  }
  return std::nullopt;
}

std::optional<Error> refusal_to_wait(const Service& service, const LeaseRequest& request) {
  switch (service.leases.bound_on_waiting(request)) {
    case Leases::Bound::kNone:
      return std::nullopt;
    case Leases::Bound::kOfConnection:
      return overloaded("requests of the connection that wait:", service.limits.waiting_max, "max_waiting");
    case Leases::Bound::kOfUser:
      return overloaded("requests of the user that wait:", service.limits.user_waiting_max,
                        "max_user_waiting");
  }
  return std::nullopt;
}

/// Makes the caller the holder; the token, or why it cannot be.
std::variant<Token, Error> grant(Service& service, const CacheKey& key, const LeaseRequest& request,
                                 storage::TimeMs now) {
  if (auto refusal = refusal_to_hold(service, request)) return *std::move(refusal);
  const auto token = service.leases.grant(key, request, now);
  if (!token) return error_of(storage::NoVersions());
  return *token;
}

/// Past its deadline: the value, with a token for the first who asks.
Outcome answer_stale(Service& service, const Call& call, const CacheKey& key, const LeaseRequest& request,
                     const storage::EntryView& entry) {
  std::optional<Token> token;
  if (!service.leases.is_leased(key)) {
    auto granted = grant(service, key, request, call.now);
    if (auto* error = std::get_if<Error>(&granted)) return std::move(*error);
    token = std::get<Token>(granted);
  }
  service.replies.result(call.from, [&](Writer& writer) {
    writer.array(2);
    write_value(writer, entry.value);
    token ? writer.unsigned_integer(*token) : writer.nil();
  });
  return Answered();
}

/// No value: a token, or a place in the queue.
Outcome answer_absent(Service& service, const Call& call, storage::Cache& cache, const CacheKey& key,
                      const LeaseRequest& request, std::uint64_t wait_ms) {
  if (!service.leases.is_leased(key)) {
    auto granted = grant(service, key, request, call.now);
    if (auto* error = std::get_if<Error>(&granted)) return std::move(*error);
    cache.count_miss();
    service.replies.number(call.from, std::get<Token>(granted));
  } else if (wait_ms == 0) {
    cache.count_miss();
    service.replies.nil(call.from);
  } else if (auto refusal = refusal_to_wait(service, request)) {
    return *std::move(refusal);
  } else {
    service.leases.wait(key, request, call.now + static_cast<storage::TimeMs>(wait_ms));
  }
  return Answered();
}

}  // namespace

Outcome handle_lease(Service& service, const Call& call) {
  Params params("lease", call.params, service.limits);
  const auto name = params.cache_name();
  const auto key = params.key();
  params.options({"lease_ms", "wait_ms"});
  const auto lease_ms = params.number("lease_ms", 1, service.limits.lease_ms_max).value_or(kLeaseMsDefault);
  const auto wait_ms = params.duration_ms("wait_ms").value_or(lease_ms);
  if (auto fault = params.fault()) return *fault;
  if (call.from.is_notification) return Answered();  // nobody would learn the token

  // It may have waited for its key longer than its client stayed.
  if (service.outbox.output(call.from.connection) == nullptr) return Answered();

  return with_key(service, name, key, [&](storage::Cache& cache) -> Outcome {
    const CacheKey cache_key{cache.id(), std::string(key)};
    const LeaseRequest request{call.from.connection, call.from.id, lease_ms, call.from.received,
                               service.bounded_user(call.from.connection)};
    const auto found = cache.get_or_stale(key, call.now);
    return std::visit(
        Match{
            [&](const storage::Hit& hit) -> Outcome {
              service.sight.hot_keys.hit(cache.id(), key);
              service.replies.result(
                  call.from, [&](Writer& writer) { write_entry(writer, hit.entry, false, call.now); });
              return Answered();
            },
            [&](const storage::Stale& stale) {
              return answer_stale(service, call, cache_key, request, stale.entry);
            },
            [&](storage::Miss) { return answer_absent(service, call, cache, cache_key, request, wait_ms); },
            [&](storage::Cold) -> Outcome { return NeedsKey{cache_key}; },
        },
        found);
  });
}

}  // namespace pannier::daemon
