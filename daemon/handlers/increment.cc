#include "daemon/handlers/common.h"
#include "daemon/handlers/handlers.h"
#include "daemon/params.h"

namespace pannier::daemon {

namespace {

using protocol::Error;
using protocol::ErrorCode;

/// The integer that the entry holds, and nothing else beside it.
std::optional<std::int64_t> integer_in(std::string_view value) {
  protocol::Cursor cursor(value);
  const auto number = cursor.read_integer();
  return cursor.at_end() ? number : std::nullopt;
}

Error not_a_number(std::string_view key, const std::string& why) {
  return {ErrorCode::kNotANumber, "increment: key " + protocol::quoted(key) + " " + why};
}

}  // namespace

Outcome handle_increment(Service& service, const Call& call) {
  Params params("increment", call.params, service.limits);
  const auto name = params.cache_name();
  const auto key = params.key();
  const std::int64_t delta = params.integer("delta");
  params.options({"initial", "ttl_ms"});
  const std::int64_t initial = params.signed_number("initial").value_or(0);
  const bool has_ttl = params.has("ttl_ms");
  const storage::PutOptions options{params.ttl(), !has_ttl, std::nullopt, {}};
  if (auto fault = params.fault()) return *fault;

  return with_key(service, name, key, [&](storage::Cache& cache) -> Outcome {
    const auto found = cache.find(key, call.now);
    if (std::holds_alternative<storage::Cold>(found)) return NeedsKey{{cache.id(), std::string(key)}};
    std::int64_t base = initial;
    if (const auto* hit = std::get_if<storage::Hit>(&found)) {
      const std::string value = hit->entry.value.str();
      const auto present = integer_in(value);
      if (!present) {
        return not_a_number(key, "holds " + protocol::described(value) + ", not an integer of 64 bits");
      }
      base = *present;
    }
    std::int64_t sum = 0;
    if (__builtin_add_overflow(base, delta, &sum)) {
      return not_a_number(key, "overflows: " + std::to_string(base) + " + " + std::to_string(delta) +
                                   " is no integer of 64 bits");
    }
    std::string value;
    protocol::Writer(value).integer(sum);
    const auto outcome = cache.put(key, value, options, call.now);
    return std::visit(Match{
                          [&](const storage::Written&) -> Outcome {
                            after_write(service, cache, key, call.now);
                            service.replies.result(call.from,
                                                   [&](protocol::Writer& writer) { writer.integer(sum); });
                            return Answered();
                          },
                          [](storage::NotHeld) -> Outcome { return Answered(); },
                          [&](storage::Cold) -> Outcome {
                            return NeedsKey{{cache.id(), std::string(key)}};
                          },
                          [](const auto& refused) -> Outcome { return error_of(refused); },
                      },
                      outcome);
  });
}

}  // namespace pannier::daemon
