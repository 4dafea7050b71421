#include <array>

#include "daemon/handlers/common.h"
#include "daemon/handlers/handlers.h"
#include "daemon/params.h"

namespace pannier::daemon {

Outcome handle_attach(Service& service, const Call& call) {
  Params params("attach", call.params, service.limits);
  params.options({});
  if (auto fault = params.fault()) return *fault;

  const ConnectionId to = call.from.connection;
  if (service.outbox.unsent_bytes(to) > 0) {
    return protocol::Error{protocol::ErrorCode::kOverloaded,
                           "attach: replies are unsent; ask on a connection that waits for none"};
  }
  const Visitor* const visitor = service.outbox.visitor(to);
  const bool is_trusted = visitor != nullptr && visitor->is_trusted();
  const auto attached = service.shared_reads.attach(to, is_trusted, call.now);
  if (const auto* error = std::get_if<protocol::Error>(&attached)) return *error;
  const auto& descriptors = std::get<SharedReads::Descriptors>(attached);
  service.replies.result(call.from, [&](protocol::Writer& writer) {
    writer.map(2);
    writer.string("format");
    writer.unsigned_integer(storage::kArenaFormat);
    writer.string("bytes");
    writer.unsigned_integer(service.catalog.arena().bytes());
  });
  service.outbox.send_with(to, std::array{descriptors.arena, descriptors.ring.get()});
  return Answered();
}

}  // namespace pannier::daemon
