#include "daemon/handlers/common.h"
#include "daemon/handlers/handlers.h"
#include "daemon/params.h"

namespace pannier::daemon {

Outcome handle_subscribe(Service& service, const Call& call) {
  Params params("subscribe", call.params, service.limits);
  const auto name = params.cache_name();
  params.options({"prefix"});
  const auto prefix = params.prefix();
  if (auto fault = params.fault()) return *fault;

  if (service.catalog.find(name) == nullptr) return unknown_cache(name);
  const auto sequence = service.subscriptions.subscribe(call.from.connection, name, prefix);
  if (!sequence) {
    return protocol::Error{protocol::ErrorCode::kOverloaded,
                           "subscribe: the connection has " +
                               std::to_string(service.limits.subscriptions_max) +
                               " subscriptions, as many as max_subscriptions allows, or the prefixes of all "
                               "of them would be longer than " +
                               std::to_string(Subscriptions::kPrefixBytesMax) + " bytes together"};
  }
  service.replies.result(call.from, [&](protocol::Writer& writer) {
    writer.map(1);
    writer.string("sequence");
    writer.unsigned_integer(*sequence);
  });
  return Answered();
}

}  // namespace pannier::daemon
