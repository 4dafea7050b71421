#include "daemon/handlers/common.h"
#include "daemon/handlers/handlers.h"
#include "daemon/params.h"

namespace pannier::daemon {

Outcome handle_touch(Service& service, const Call& call) {
  Params params("touch", call.params, service.limits);
  const auto name = params.cache_name();
  const auto key = params.key();
  params.options({"ttl_ms"});
  const storage::Ttl ttl = params.ttl();
  if (auto fault = params.fault()) return *fault;

  return with_key(service, name, key, [&](storage::Cache& cache) -> Outcome {
    const auto outcome = cache.touch(key, ttl, call.now);
    return std::visit(Match{
                          [&](const storage::Touched& touched) -> Outcome {
                            service.replies.boolean(call.from, touched.was_live);
                            return Answered();
                          },
                          [&](storage::Cold) -> Outcome {
                            return NeedsKey{{cache.id(), std::string(key)}};
                          },
                          [](const auto& refused) -> Outcome { return error_of(refused); },
                      },
                      outcome);
  });
}

}  // namespace pannier::daemon
