#include "daemon/erasing.h"
#include "daemon/handlers/common.h"
#include "daemon/handlers/handlers.h"
#include "daemon/params.h"

namespace pannier::daemon {

Outcome handle_clear(Service& service, const Call& call) {
  Params params("clear", call.params, service.limits);
  const auto name = params.cache_name();
  params.options({"prefix"});
  const auto prefix = params.text("prefix").value_or("");
  if (auto fault = params.fault()) return *fault;

  storage::Cache* cache = service.catalog.find(name);
  if (cache == nullptr) return unknown_cache(name);
  service.subscriptions.changed_all(name, prefix);
  start_clear(service, call.from, *cache, prefix, call.now);
  answer_waiters(service, service.leases.cleared(cache->id(), prefix, call.now), call.now);
  return Answered();
}

}  // namespace pannier::daemon
