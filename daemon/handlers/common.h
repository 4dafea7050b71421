// What several handlers share: finding the cache, waiting for a key, and the wording of storage's outcomes. A
// layer translates the outcomes of the one below: nothing here is about how storage works.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include "daemon/call.h"
#include "daemon/service.h"
#include "storage/cache.h"

namespace pannier::daemon {

/// For std::visit over the alternatives of an outcome, exhaustively.
template <class... Cases>
struct Match : Cases... {
  using Cases::operator()...;
};
template <class... Cases>
Match(Cases...) -> Match<Cases...>;

protocol::Error unknown_cache(std::string_view name);
/// The cache was there when the request came, and is not any more.
protocol::Error dropped_meanwhile();
/// A backup of a connection that has begun the next one.
protocol::Error superseded_backup(std::string_view method);
protocol::Error reply_too_large(std::string_view method, std::uint64_t limit_bytes);
protocol::Error not_durable(std::string_view method, const storage::Cache& cache);
protocol::Error error_of(const storage::TooBig& outcome);
protocol::Error error_of(const storage::DirtyFull& outcome);
protocol::Error error_of(const storage::NoVersions& outcome);
protocol::Error error_of(const storage::NotSupported& outcome);

/// Runs `run(cache)` on the cache of that name, unless there is none, or operations that came before wait for
/// the key.
template <class Run>
Outcome with_key(Service& service, std::string_view name, std::string_view key, Run run) {
  storage::Cache* cache = service.catalog.find(name);
  if (cache == nullptr) return unknown_cache(name);
  if (service.cold_keys.is_waited_for(cache->id(), key)) return NeedsKey{{cache->id(), std::string(key)}};
  return run(*cache);
}

/// A value as it was sent, in the parts that it lies in.
void write_value(protocol::Writer& writer, const storage::BytesView& value);
/// [value], or [value, version, ttl_ms or nil] with meta.
void write_entry(protocol::Writer& writer, const storage::EntryView& entry, bool has_meta,
                 storage::TimeMs now);

/// The cache is out of the catalog: everyone who waits for something of it, or listens to it, is told.
void forget_cache(Service& service, storage::CacheId cache, std::string_view name, storage::TimeMs now);

/// A successful write: ends the key's lease; its waiters get the value, or the next one a token if it is past
/// its deadline.
void after_write(Service& service, storage::Cache& cache, std::string_view key, storage::TimeMs now);
/// A successful erasing, of whatever was or was not there: ends the key's lease; the next waiter gets a
/// token.
void after_erase(Service& service, storage::Cache& cache, std::string_view key, storage::TimeMs now);
/// Sends what the leases have decided, and counts hits and misses.
void answer_waiters(Service& service, const LeaseAnswers& answers, storage::TimeMs now);

/// Of a request with `sync`: the dirty sequence that has to be clean for the key's present state to be on
/// disk, its version included; 0 if it is, and without `sync`.
std::uint64_t sequence_to_sync(storage::Cache& cache, std::string_view key, bool sync, storage::TimeMs now);
/// Why what was waited for is not on disk: the storage error, or unknown_cache if one of the caches was
/// dropped meanwhile, for what was dropped is on no disk. Nothing: it is there.
std::optional<protocol::Error> why_not_on_disk(const Service& service,
                                               std::span<const storage::CacheId> caches,
                                               const std::optional<storage::StoreError>& error);
/// Calls `reply` when everything up to the dirty sequence is on disk (at once for 0), or answers why it is
/// not. `caches`: a container of their ids.
template <class Caches, class Reply>
void reply_when_clean(Service& service, const Address& to, Caches caches, std::uint64_t sequence,
                      Reply reply) {
  if (sequence == 0) return reply();
  service.flusher.wait_clean(
      sequence, [&service, to, caches = std::move(caches), reply = std::move(reply),
                 params = service.sight.kept_params(to), ticket = service.waits.take(to.connection, 0)](
                    const std::optional<storage::StoreError>& error) {
        const Sight::Scope scope(service.sight, to, params, Waited::kWrite);
        const auto why_not = why_not_on_disk(service, caches, error);
        why_not ? service.replies.error(to, *why_not) : reply();
      });
}
template <class Reply>
void reply_when_clean(Service& service, const Address& to, storage::CacheId cache, std::uint64_t sequence,
                      Reply reply) {
  reply_when_clean(service, to, std::array{cache}, sequence, std::move(reply));
}

}  // namespace pannier::daemon
