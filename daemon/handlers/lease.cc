#include "daemon/handlers/common.h"
#include "daemon/handlers/handlers.h"
#include "daemon/params.h"

namespace pannier::daemon {

namespace {

using protocol::Error;
using protocol::ErrorCode;
using protocol::Writer;

constexpr std::uint64_t kLeaseMsDefault = 10'000;

/// Makes the caller the holder; the token, or why it cannot be.
std::variant<Token, Error> grant(Service& service, const CacheKey& key, const LeaseRequest& request,
                                 storage::TimeMs now) {
  if (!service.leases.may_hold_more(request.connection)) {
    return Error{ErrorCode::kOverloaded, "lease: the connection holds " +
                                             std::to_string(service.limits.leases_max) +
                                             " leases, as many as max_leases allows"};
  }
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
  } else if (service.leases.waiting(call.from.connection) >= service.limits.waiting_max) {
    return Error{ErrorCode::kOverloaded,
                 "lease: " + std::to_string(service.limits.waiting_max) +
                     " requests of the connection wait, as many as max_waiting allows"};
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
    const LeaseRequest request{call.from.connection, call.from.id, lease_ms};
    const auto found = cache.get_or_stale(key, call.now);
    return std::visit(
        Match{
            [&](const storage::Hit& hit) -> Outcome {
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
