#include "daemon/handlers/common.h"
#include "daemon/handlers/handlers.h"
#include "daemon/params.h"

namespace pannier::daemon {

Outcome handle_delete(Service& service, const Call& call) {
  Params params("delete", call.params, service.limits);
  const auto name = params.cache_name();
  const auto key = params.key();
  params.options({"if", "sync"});
  const auto if_version = params.number("if", 0, storage::kVersionMax);
  const bool sync = params.flag("sync");
  if (auto fault = params.fault()) return *fault;

  return with_key(service, name, key, [&](storage::Cache& cache) -> Outcome {
    if (sync && !cache.is_durable()) return not_durable("delete with sync", cache);
    const auto outcome = cache.erase(key, if_version, call.now);
    return std::visit(Match{
                          [&](const storage::Erased& erased) -> Outcome {
                            // A condition that did not hold leaves a lease alone.
                            if (erased.was_live || !if_version) after_erase(service, cache, key, call.now);
                            reply_when_clean(service, call.from, cache.id(),
                                             sequence_to_sync(cache, key, sync, call.now),
                                             [&service, to = call.from, was_live = erased.was_live] {
                                               service.replies.boolean(to, was_live);
                                             });
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
