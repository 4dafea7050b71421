#include "daemon/handlers/common.h"

#include <algorithm>
#include <string>
#include <utility>

namespace pannier::daemon {

using protocol::Error;
using protocol::ErrorCode;
using storage::Cache;
using storage::TimeMs;

Error unknown_cache(std::string_view name) {
  return {ErrorCode::kUnknownCache, "there is no cache " + protocol::quoted(name) + "; open makes one"};
}

Error dropped_meanwhile() {
  return {ErrorCode::kUnknownCache, "the cache was dropped while the request waited"};
}

Error superseded_backup(std::string_view method) {
  return {ErrorCode::kBadRequest, std::string(method) + ": this connection has begun another backup since"};
}

Error reply_too_large(std::string_view method, std::uint64_t limit_bytes) {
  return {ErrorCode::kTooLarge, std::string(method) + ": the result is larger than max_reply, " +
                                    std::to_string(limit_bytes) + " bytes; ask for less at once"};
}

Error not_durable(std::string_view method, const Cache& cache) {
  return {ErrorCode::kUnsupported, std::string(method) + ": cache " + protocol::quoted(cache.name()) +
                                       " of tier " +
                                       std::string(storage::traits_of(cache.settings().tier).name) +
                                       " is not durable: there is nothing to sync"};
}

Error error_of(const storage::TooBig& outcome) {
  return {ErrorCode::kOutOfMemory,
          "the entry takes " + std::to_string(outcome.charge_bytes) + " bytes; " +
              (outcome.limit_is_of_cache ? "the cache's max_bytes is "
                                         : "what the memory limit can give to it is ") +
              std::to_string(outcome.limit_bytes)};
}

Error error_of(const storage::DirtyFull& outcome) {
  return {ErrorCode::kOverloaded,
          std::to_string(outcome.dirty_bytes) + " bytes of durable entries wait for the disk, the limit is " +
              std::to_string(outcome.limit_bytes) + "; try again when some are written"};
}

Error error_of(const storage::NoVersions&) {
  return {ErrorCode::kStorage, "no versions are left, because the disk has refused to reserve more of them"};
}

Error error_of(const storage::NotSupported& outcome) { return {ErrorCode::kUnsupported, outcome.text}; }

void write_value(protocol::Writer& writer, const storage::BytesView& value) {
  value.for_each_part([&](std::string_view part) { writer.raw(part); });
}

void write_entry(protocol::Writer& writer, const storage::EntryView& entry, bool has_meta, TimeMs now) {
  writer.array(has_meta ? 3 : 1);
  write_value(writer, entry.value);
  if (!has_meta) return;
  writer.unsigned_integer(entry.version);
  if (entry.deadline == storage::kNever) {
    writer.nil();
  } else {
    writer.integer(entry.deadline - now);
  }
}

void after_write(Service& service, Cache& cache, std::string_view key, TimeMs now) {
  if (service.leases.leases() == 0) return;
  const CacheKey cache_key{cache.id(), std::string(key)};
  if (!service.leases.is_leased(cache_key)) return;
  const bool is_good = std::holds_alternative<storage::Hit>(cache.find(key, now));
  answer_waiters(service,
                 is_good ? service.leases.written(cache_key) : service.leases.passed_on(cache_key, now), now);
}

void after_erase(Service& service, Cache& cache, std::string_view key, TimeMs now) {
  if (service.leases.leases() == 0) return;
  answer_waiters(service, service.leases.passed_on({cache.id(), std::string(key)}, now), now);
}

namespace {

void answer_waiter(Service& service, const LeaseAnswer& answer, TimeMs now) {
  const Address to{answer.request.connection, answer.request.id, false, answer.request.received};
  const Sight::Scope scope(service.sight, to, {}, Waited::kLease);
  Cache* cache = service.catalog.find(answer.key.cache);
  switch (answer.kind) {
    case LeaseAnswer::Kind::kGranted:
      if (cache != nullptr) cache->count_miss();
      return service.replies.number(to, answer.token);
    case LeaseAnswer::Kind::kNothing:
      if (cache != nullptr) cache->count_miss();
      return service.replies.nil(to);
    case LeaseAnswer::Kind::kNoCache:
      return service.replies.error(to, dropped_meanwhile());
    case LeaseAnswer::Kind::kTooMany:
      return service.replies.error(
          to, {ErrorCode::kOverloaded,
               "the connection or its user holds as many leases as max_leases and max_user_leases allow"});
    case LeaseAnswer::Kind::kValue: {
      // The configuration may have changed since it asked.
      if (const auto denied = service.guard.refusal(to.connection, "lease", Right::kRead, cache->name())) {
        return service.replies.error(to, *denied);
      }
      const auto found = cache->get(answer.key.key, now);
      const auto* hit = std::get_if<storage::Hit>(&found);
      if (hit == nullptr) return service.replies.nil(to);
      return service.replies.result(
          to, [&](protocol::Writer& writer) { write_entry(writer, hit->entry, false, now); });
    }
  }
}

}  // namespace

void answer_waiters(Service& service, const LeaseAnswers& answers, TimeMs now) {
  for (const auto& answer : answers) answer_waiter(service, answer, now);
}

std::uint64_t sequence_to_sync(Cache& cache, std::string_view key, bool sync, TimeMs now) {
  return sync ? cache.sequence_with_version(cache.hashed(key), now) : 0;
}

std::optional<protocol::Error> why_not_on_disk(const Service& service,
                                               std::span<const storage::CacheId> caches,
                                               const std::optional<storage::StoreError>& error) {
  const bool is_dropped = std::ranges::any_of(
      caches, [&](storage::CacheId cache) { return service.catalog.find(cache) == nullptr; });
  if (is_dropped) return dropped_meanwhile();
  if (error) return protocol::Error{ErrorCode::kStorage, error->text};
  return std::nullopt;
}

void forget_cache(Service& service, storage::CacheId cache, std::string_view name, TimeMs now) {
  service.subscriptions.changed_all(name, "");
  service.cold_keys.dropped(cache, dropped_meanwhile());
  service.flusher.forget(cache);
  service.definitions_unwritten.erase(cache);
  answer_waiters(service, service.leases.dropped(cache), now);
}

}  // namespace pannier::daemon
