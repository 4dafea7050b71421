#include "daemon/slow_requests.h"

#include <string>

#include "daemon/connection_table.h"
#include "daemon/methods.h"
#include "daemon/subject.h"

namespace pannier::daemon {

namespace {

std::string_view waited_text(Waited waited) {
  switch (waited) {
    case Waited::kRead:
      return ", waiting for its key to be read from disk";
    case Waited::kWrite:
      return ", waiting for entries to be written to disk";
    case Waited::kNothing:
    case Waited::kLease:
      break;
  }
  return "";
}

}  // namespace

void SlowRequests::tell(const Address& request, std::uint64_t ns, protocol::Bytes params, Waited waited) {
  if (waited == Waited::kLease) return;
  const auto others = told_.told(clock_.now());
  if (!others) return;
  std::string text("slow request: ");
  text.append(name_of_row(request.received.row)).append(text_of(subject_of(params))).append(" took ");
  text.append(std::to_string(ns / 1'000'000)).append(" ms").append(waited_text(waited));
  text.append(", on ").append(connection_text(outbox_, request.connection));
  if (*others > 0)
    text.append("; ").append(std::to_string(*others)).append(" others since the last such line");
  log_.warning(text);
}

}  // namespace pannier::daemon
