#include <string>

#include "daemon/erasing.h"
#include "daemon/handlers/common.h"
#include "daemon/handlers/handlers.h"
#include "daemon/params.h"

namespace pannier::daemon {

namespace {

/// The clear's turn has come: from here on what it covers is gone for everyone.
void begin(Service& service, const Address& to, storage::CacheId id, const std::string& prefix,
           storage::TimeMs now) {
  storage::Cache* cache = service.catalog.find(id);
  if (cache == nullptr) return service.replies.error(to, dropped_meanwhile());
  service.subscriptions.changed_all(cache->name(), prefix);
  start_clear(service, to, *cache, prefix, now);
  answer_waiters(service, service.leases.cleared(id, prefix, now), now);
}

}  // namespace

Outcome handle_clear(Service& service, const Call& call) {
  Params params("clear", call.params, service.limits);
  const auto name = params.cache_name();
  params.options({"prefix"});
  const auto prefix = params.prefix();
  if (auto fault = params.fault()) return *fault;

  storage::Cache* cache = service.catalog.find(name);
  if (cache == nullptr) return unknown_cache(name);
  service.cold_keys.run_in_turn(
      cache->id(),
      [&service, to = call.from, id = cache->id(), prefix = std::string(prefix),
       ticket = service.waits.take(call.from.connection, prefix.size())](storage::TimeMs now) {
        begin(service, to, id, prefix, now);
      },
      call.now);
  return Answered();
}

}  // namespace pannier::daemon
