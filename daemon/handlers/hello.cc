#include <array>
#include <utility>

#include <unistd.h>

#include "daemon/handlers/handlers.h"
#include "daemon/params.h"
#include "daemon/service.h"
#include "daemon/version.h"

namespace pannier::daemon {

namespace {

void write_limits(protocol::Writer& writer, const ClientLimits& limits) {
  const std::array<std::pair<std::string_view, std::uint64_t>, 18> rows{{
      {"max_key", limits.key_bytes_max},
      {"max_cache_name", protocol::kCacheNameBytesMax},
      {"max_value", limits.value_bytes_max},
      {"max_frame", limits.frame.frame_bytes_max},
      {"max_depth", limits.frame.depth_max},
      {"max_reply", limits.reply_bytes_max},
      {"max_keys", limits.keys_max},
      {"max_waiting", limits.waiting_max},
      {"max_unsent", limits.unsent_bytes_max},
      {"max_leases", limits.leases_max},
      {"max_subscriptions", limits.subscriptions_max},
      {"max_connections", limits.connections_max},
      {"max_buffers", limits.buffer_bytes_max},
      {"lease_ms_max", limits.lease_ms_max},
      {"max_user_connections", limits.user_connections_max},
      {"max_user_waiting", limits.user_waiting_max},
      {"max_user_leases", limits.user_leases_max},
      {"max_user_buffers", limits.user_buffer_bytes_max},
  }};
  writer.map(static_cast<std::uint32_t>(rows.size()));
  for (const auto& [name, value] : rows) {
    writer.string(name);
    writer.unsigned_integer(value);
  }
}

}  // namespace

Outcome handle_hello(Service& service, const Call& call) {
  Params params("hello", call.params, service.limits);
  params.options({"name", "version"});
  params.text("name");
  params.text("version");
  if (auto fault = params.fault()) return *fault;

  service.replies.result(call.from, [&](protocol::Writer& writer) {
    writer.map(5);
    writer.string("server");
    writer.string("pannierd");
    writer.string("version");
    writer.string(program_version());
    writer.string("protocol");
    writer.unsigned_integer(1);
    writer.string("pid");
    writer.integer(getpid());
    writer.string("limits");
    write_limits(writer, service.limits);
  });
  return Answered();
}

}  // namespace pannier::daemon
