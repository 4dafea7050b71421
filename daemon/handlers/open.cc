#include <string>

#include "daemon/defining.h"
#include "daemon/handlers/common.h"
#include "daemon/handlers/handlers.h"
#include "daemon/params.h"

namespace pannier::daemon {

namespace {

using protocol::Error;
using protocol::ErrorCode;

constexpr std::uint64_t kSizeMax = storage::kVersionMax;

/// The word of an option as one of the names of a table; left out is for the caller to judge.
template <class Value>
std::optional<Value> read_word(Params& params, std::string_view option,
                               std::optional<Value> (*named)(std::string_view), const std::string& names) {
  const auto word = params.text(option);
  if (!word) return std::nullopt;
  const auto value = named(*word);
  if (!value) params.reject(option, "one of " + names, *params.object(option));
  return value;
}

storage::Settings read_settings(Params& params) {
  storage::Settings settings;
  params.require("tier", "one of " + storage::tier_names());
  settings.tier =
      read_word(params, "tier", storage::tier_named, storage::tier_names()).value_or(storage::Tier::kLru);
  settings.policy = read_word(params, "policy", storage::policy_named, storage::policy_names())
                        .value_or(storage::PolicyKind::kLru);
  settings.entries_max = params.number("max_entries", 1, kSizeMax);
  settings.bytes_max = params.number("max_bytes", 1, kSizeMax);
  settings.age_ms_max = params.duration_ms("max_age_ms", 1);
  settings.stale_ms = params.duration_ms("stale_ms").value_or(0);
  settings.reserved_bytes = params.number("reserved_bytes", 0, kSizeMax).value_or(0);
  return settings;
}

Error refusal_of(const storage::SettingsFault& fault) {
  const bool is_unsupported = fault.kind == storage::SettingsFault::Kind::kUnsupported;
  return {is_unsupported ? ErrorCode::kUnsupported : ErrorCode::kBadRequest, "open: " + fault.text};
}

Error refusal_of(const storage::OpenRefused& refused) {
  const bool is_memory = refused.kind == storage::OpenRefused::Kind::kReservedTooMuch;
  return {is_memory ? ErrorCode::kOutOfMemory : ErrorCode::kOverloaded, "open: " + refused.text};
}

/// Answers when the definition is on disk.
void answer_when_defined(Service& service, const Address& to, const storage::Cache& cache, bool created) {
  define_cache(service, cache, created,
               [&service, to, created, ticket = service.waits.take(to.connection, 0)](
                   const std::optional<storage::StoreError>& error) {
                 if (error) return service.replies.error(to, {ErrorCode::kStorage, error->text});
                 service.replies.boolean(to, created);
               });
}

/// To open a cache as it is there is no more than to look at it.
std::optional<Error> refusal(Service& service, const Call& call, std::string_view name,
                             const storage::Settings& settings, bool alter) {
  const storage::Cache* const cache = service.catalog.find(name);
  const bool changes_nothing = cache != nullptr && (!alter || cache->settings() == settings);
  const ConnectionId from = call.from.connection;
  if (!changes_nothing) return service.guard.refusal_to_administer(from, "open", name);
  const bool may_write = service.guard.may(from, Right::kWrite, name);
  return may_write ? std::nullopt : service.guard.refusal(from, "open", Right::kRead, name);
}

}  // namespace

Outcome handle_open(Service& service, const Call& call) {
  Params params("open", call.params, service.limits);
  const auto name = params.cache_name();
  params.options(
      {"tier", "max_entries", "max_bytes", "max_age_ms", "stale_ms", "reserved_bytes", "policy", "alter"});
  const storage::Settings settings = read_settings(params);
  const bool alter = params.flag("alter");
  if (auto fault = params.fault()) return *fault;
  if (const auto fault = storage::fault_of(settings)) return refusal_of(*fault);

  if (const auto denied = refusal(service, call, name, settings, alter)) return *denied;

  const auto outcome = service.catalog.open(name, settings, alter, call.now);
  return std::visit(
      Match{
          [&](const storage::Opened& opened) -> Outcome {
            // What an altered bound leaves no room for goes now, as far as one step reaches.
            if (opened.altered) service.catalog.step(call.now, kVisitsPerStep);
            const bool is_on_disk = is_defined_on_disk(service, opened.cache);
            if (opened.cache.is_durable() && (opened.created || opened.altered || !is_on_disk)) {
              answer_when_defined(service, call.from, opened.cache, opened.created);
            } else {
              service.replies.boolean(call.from, opened.created);
            }
            return Answered();
          },
          [](const storage::OpenConflict& conflict) -> Outcome {
            return Error{ErrorCode::kConflict, "open: " + conflict.text};
          },
          [](const storage::OpenRefused& refused) -> Outcome { return refusal_of(refused); },
      },
      outcome);
}

}  // namespace pannier::daemon
