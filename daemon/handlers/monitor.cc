#include "daemon/handlers/common.h"
#include "daemon/handlers/handlers.h"
#include "daemon/methods.h"
#include "daemon/params.h"

namespace pannier::daemon {

namespace {

constexpr std::uint64_t kOneInMax = 1'000'000'000;

/// The row of the method that is named; that of any if none is.
std::uint8_t read_method(Params& params) {
  const auto name = params.text("method");
  if (!name) return Meter::kNoMethod;
  if (const Method* const method = method_named(*name)) return row_of(*method);
  params.reject("method", "the name of a method", *params.object("method"));
  return Meter::kNoMethod;
}

}  // namespace

Outcome handle_monitor(Service& service, const Call& call) {
  Params params("monitor", call.params, service.limits);
  params.options({"one_in", "cache", "method"});
  Monitors::Wanted wanted;
  wanted.one_in = params.number("one_in", 1, kOneInMax).value_or(1);
  wanted.cache = params.text("cache").value_or("");
  if (params.has("cache") && !is_cache_name(wanted.cache))
    params.reject("cache", "the name of a cache", *params.object("cache"));
  wanted.row = read_method(params);
  if (auto fault = params.fault()) return *fault;

  if (!service.sight.monitors.start(call.from.connection, std::move(wanted))) {
    return protocol::Error{protocol::ErrorCode::kOverloaded, "monitor: " + std::to_string(Monitors::kMax) +
                                                                 " connections monitor, and more may not"};
  }
  service.replies.boolean(call.from, true);
  return Answered();
}

}  // namespace pannier::daemon
