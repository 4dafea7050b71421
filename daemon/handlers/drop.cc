#include "daemon/erasing.h"
#include "daemon/handlers/common.h"
#include "daemon/handlers/handlers.h"
#include "daemon/params.h"

namespace pannier::daemon {

Outcome handle_drop(Service& service, const Call& call) {
  Params params("drop", call.params, service.limits);
  const auto name = params.cache_name();
  params.options({});
  if (auto fault = params.fault()) return *fault;

  // What readers have counted for it must not count for the next one in its place.
  service.shared_reads.gather(call.now);
  const auto dropped = service.catalog.drop(name);
  if (!dropped) {
    service.replies.boolean(call.from, false);
    return Answered();
  }
  forget_cache(service, dropped->id, name, call.now);
  if (dropped->was_durable) {
    start_disk_drop(service, call.from, dropped->id);
  } else {
    service.replies.boolean(call.from, true);
  }
  return Answered();
}

}  // namespace pannier::daemon
