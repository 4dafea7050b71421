#include "daemon/handlers/handlers.h"
#include "daemon/params.h"
#include "daemon/service.h"

namespace pannier::daemon {

Outcome handle_ping(Service& service, const Call& call) {
  Params params("ping", call.params, service.limits);
  params.options({});
  if (auto fault = params.fault()) return *fault;
  service.replies.result(call.from, [](protocol::Writer& writer) { writer.string("pong"); });
  return Answered();
}

}  // namespace pannier::daemon
