// reload: reads the configuration again (reload.h), and answers when it is in force.
#include <string_view>
#include <vector>

#include "daemon/handlers/common.h"
#include "daemon/handlers/handlers.h"
#include "daemon/params.h"

namespace pannier::daemon {

namespace {

using protocol::Error;
using protocol::Writer;

void write_texts(Writer& writer, std::string_view name, const std::vector<std::string>& texts) {
  writer.string(name);
  writer.array(static_cast<std::uint32_t>(texts.size()));
  for (const std::string& text : texts) writer.string(text);
}

void write_outcome(Writer& writer, const Reloaded& outcome) {
  writer.map(3);
  write_texts(writer, "applied", outcome.applied);
  writer.string("needs_restart");
  writer.array(static_cast<std::uint32_t>(outcome.needs_restart.size()));
  for (const NeedsRestart& one : outcome.needs_restart) {
    writer.map(3);
    writer.string("key");
    writer.string(one.key);
    writer.string("now");
    writer.string(one.now);
    writer.string("then");
    writer.string(one.then);
  }
  write_texts(writer, "notes", outcome.notes);
}

}  // namespace

Outcome handle_reload(Service& service, const Call& call) {
  Params params("reload", call.params, service.limits);
  params.options({});
  if (auto fault = params.fault()) return *fault;

  service.reload([&service, to = call.from,
                  ticket = service.waits.take(call.from.connection, 0)](const ReloadOutcome& outcome) {
    if (const auto* error = std::get_if<Error>(&outcome)) {
      return service.replies.error(to, {error->code, "reload: " + error->text});
    }
    service.replies.result(to, [&](Writer& writer) { write_outcome(writer, std::get<Reloaded>(outcome)); });
  });
  return Answered();
}

}  // namespace pannier::daemon
