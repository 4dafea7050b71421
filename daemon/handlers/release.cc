#include "daemon/handlers/common.h"
#include "daemon/handlers/handlers.h"
#include "daemon/params.h"

namespace pannier::daemon {

Outcome handle_release(Service& service, const Call& call) {
  Params params("release", call.params, service.limits);
  const auto name = params.cache_name();
  const auto key = params.key();
  const Token token = params.unsigned_integer("token");
  params.options({});
  if (auto fault = params.fault()) return *fault;

  return with_key(service, name, key, [&](storage::Cache& cache) -> Outcome {
    const CacheKey cache_key{cache.id(), std::string(key)};
    const bool is_holder = service.leases.is_holder(cache_key, token);
    if (is_holder) answer_waiters(service, service.leases.passed_on(cache_key, call.now), call.now);
    service.replies.boolean(call.from, is_holder);
    return Answered();
  });
}

}  // namespace pannier::daemon
