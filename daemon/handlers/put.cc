#include "daemon/handlers/common.h"
#include "daemon/handlers/handlers.h"
#include "daemon/params.h"

namespace pannier::daemon {

namespace {

/// Of `if`: "absent", "present" or a version.
storage::Condition read_condition(Params& params) {
  using Kind = storage::Condition::Kind;
  const auto object = params.object("if");
  if (!object) return {};
  if (const auto version = protocol::Cursor(*object).read_unsigned()) return {Kind::kVersion, *version};
  const auto word = protocol::Cursor(*object).read_string();
  if (word == "absent") return {Kind::kAbsent, 0};
  if (word == "present") return {Kind::kPresent, 0};
  params.reject("if", "\"absent\", \"present\" or a version", *object);
  return {};
}

/// Nothing was written: nil, but with `sync` only when what is there is on disk.
Outcome answer_not_held(Service& service, const Call& call, storage::Cache& cache, std::string_view key,
                        bool sync) {
  reply_when_clean(service, call.from, cache.id(), sequence_to_sync(cache, key, sync, call.now),
                   [&service, to = call.from] { service.replies.nil(to); });
  return Answered();
}

}  // namespace

Outcome handle_put(Service& service, const Call& call) {
  Params params("put", call.params, service.limits);
  const auto name = params.cache_name();
  const auto key = params.key();
  const auto value = params.value();
  params.options({"ttl_ms", "keep_ttl", "stale_ms", "if", "lease", "sync"});
  const storage::PutOptions options{params.ttl(), params.flag("keep_ttl"), params.duration_ms("stale_ms"),
                                    read_condition(params)};
  const auto token = params.number("lease", 0, storage::kVersionMax);
  const bool sync = params.flag("sync");
  if (auto fault = params.fault()) return *fault;

  return with_key(service, name, key, [&](storage::Cache& cache) -> Outcome {
    if (sync && !cache.is_durable()) return not_durable("put with sync", cache);
    if (token && !service.leases.is_holder({cache.id(), std::string(key)}, *token)) {
      return answer_not_held(service, call, cache, key, sync);
    }
    const auto outcome = cache.put(key, value, options, call.now);
    return std::visit(Match{
                          [&](const storage::Written& written) -> Outcome {
                            after_write(service, cache, key, call.now);
                            reply_when_clean(service, call.from, cache.id(),
                                             sequence_to_sync(cache, key, sync, call.now),
                                             [&service, to = call.from, version = written.version] {
                                               service.replies.number(to, version);
                                             });
                            return Answered();
                          },
                          [&](storage::NotHeld) { return answer_not_held(service, call, cache, key, sync); },
                          [&](storage::Cold) -> Outcome {
                            return NeedsKey{{cache.id(), std::string(key)}};
                          },
                          [](const auto& refused) -> Outcome { return error_of(refused); },
                      },
                      outcome);
  });
}

}  // namespace pannier::daemon
