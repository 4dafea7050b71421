#include "daemon/handlers/common.h"
#include "daemon/handlers/handlers.h"
#include "daemon/params.h"

namespace pannier::daemon {

Outcome handle_unsubscribe(Service& service, const Call& call) {
  Params params("unsubscribe", call.params, service.limits);
  const auto name = params.cache_name();
  params.options({});
  if (auto fault = params.fault()) return *fault;

  const bool was_subscribed = service.subscriptions.unsubscribe(call.from.connection, name);
  if (!was_subscribed && service.catalog.find(name) == nullptr) return unknown_cache(name);
  service.replies.boolean(call.from, was_subscribed);
  return Answered();
}

}  // namespace pannier::daemon
