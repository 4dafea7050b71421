#include <algorithm>
#include <string_view>
#include <variant>
#include <vector>

#include <unistd.h>

#include "daemon/handlers/common.h"
#include "daemon/handlers/handlers.h"
#include "daemon/meter_report.h"
#include "daemon/params.h"
#include "daemon/version.h"

namespace pannier::daemon {

namespace {

using protocol::Writer;

/// A row of the answer: a name, and nil, a truth, a number or a text.
using Figure = std::variant<std::monostate, bool, std::uint64_t, std::string_view>;
struct Row {
  std::string_view name;
  Figure value;
};

Figure time_or_nil(const std::optional<storage::TimeMs>& value) {
  return value ? Figure(static_cast<std::uint64_t>(*value)) : Figure();
}

Figure or_nil(const std::optional<std::uint64_t>& value) { return value ? Figure(*value) : Figure(); }

void write_rows(Writer& writer, const std::vector<Row>& rows) {
  writer.map(static_cast<std::uint32_t>(rows.size()));
  for (const auto& row : rows) {
    writer.string(row.name);
    std::visit(Match{
                   [&](std::monostate) { writer.nil(); },
                   [&](bool truth) { writer.boolean(truth); },
                   [&](std::uint64_t number) { writer.unsigned_integer(number); },
                   [&](std::string_view text) { writer.string(text); },
               },
               row.value);
  }
}

/// `flush` must outlive the rows.
void add_durable_rows(const Service& service, const storage::Cache& cache, const FlushInfo& flush,
                      std::vector<Row>& rows) {
  const auto dirty = cache.dirty();
  const auto since = service.catalog.write_back().oldest_dirty_since(cache);
  rows.push_back({"dirty_entries", dirty.entries});
  rows.push_back({"dirty_bytes", dirty.bytes});
  const storage::TimeMs age_ms = std::max<storage::TimeMs>(service.clock.now() - since, 0);
  rows.push_back(
      {"oldest_dirty_ms", since == storage::kNever ? Figure() : Figure(static_cast<std::uint64_t>(age_ms))});
  rows.push_back({"last_sync_ms", time_or_nil(flush.last_sync_ms)});
  rows.push_back({"last_sync_duration_ms", or_nil(flush.last_sync_duration_ms)});
  rows.push_back({"sync_errors", flush.sync_errors});
  rows.push_back({"last_error", flush.last_error ? Figure(std::string_view(*flush.last_error)) : Figure()});
}

void write_cache(Writer& writer, const Service& service, const storage::Cache& cache) {
  const auto& settings = cache.settings();
  const auto& stats = cache.stats();
  std::vector<Row> rows{
      {"name", cache.name()},
      {"tier", storage::traits_of(settings.tier).name},
      {"policy", storage::policy_name(settings.policy)},
      {"hits", stats.hits},
      {"shared_hits", stats.shared_hits},
      {"misses", stats.misses},
      {"maxsize", or_nil(settings.entries_max)},
      {"currsize", cache.entries()},
      {"max_bytes", or_nil(settings.bytes_max)},
      {"used_bytes", cache.used_bytes()},
      {"max_age_ms", or_nil(settings.age_ms_max)},
      {"stale_ms", settings.stale_ms},
      {"reserved_bytes", settings.reserved_bytes},
      {"puts", stats.puts},
      {"deletes", stats.deletes},
      {"cleared", stats.cleared},
      {"evictions", stats.evictions},
      {"expirations", stats.expirations},
  };
  const FlushInfo flush = service.flusher.info(cache.id());
  if (cache.is_durable()) add_durable_rows(service, cache, flush, rows);
  write_rows(writer, rows);
}

void write_server(Writer& writer, const Service& service, ConnectionId to, storage::TimeMs now) {
  const auto dirty = service.catalog.write_back().totals();
  const DiskWorker::Unread& unread = service.disk.unread();
  const Traffic& traffic = service.outbox.traffic();
  // It may name a key.
  const bool tells_read_error = unread.last && service.guard.may_read_all(to);
  write_rows(writer,
             {
                 {"version", program_version()},
                 {"pid", static_cast<std::uint64_t>(getpid())},
                 {"uptime_ms", static_cast<std::uint64_t>(now - service.started_at)},
                 {"connections", service.outbox.connections()},
                 {"connections_accepted", traffic.accepted},
                 {"connections_closed", traffic.closed},
                 {"connections_refused", traffic.refused},
                 {"requests", service.sight.meter().requests()},
                 {"bytes_in", traffic.bytes_in},
                 {"bytes_out", traffic.bytes_out},
                 {"memory_limit", service.catalog.options().memory_bytes_max},
                 {"memory_used", service.catalog.memory_used()},
                 {"denied", service.guard.denied()},
                 {"access_needs_restart",
                  SharedReads::is_out_of_hand(service.catalog.arena(), service.guard.access())},
                 {"buffer_bytes", service.outbox.buffer_bytes()},
                 {"expiry_lag_ms", service.catalog.expiry_lag_ms(now)},
                 {"leases", service.leases.leases()},
                 {"lease_waiters", service.leases.waiting()},
                 {"subscriptions", service.subscriptions.count()},
                 {"shared_readers", service.shared_reads.readers()},
                 {"waiting_for_disk", service.waits.requests() - service.waits.in_order()},
                 {"dirty_entries", dirty.entries},
                 {"dirty_bytes", dirty.bytes},
                 {"disk_failing", service.disk.is_failing()},
                 {"read_errors", unread.count},
                 {"last_read_error", tells_read_error ? Figure(std::string_view(*unread.last)) : Figure()},
             });
}

}  // namespace

Outcome handle_info(Service& service, const Call& call) {
  Params params("info", call.params, service.limits);
  const auto name = params.optional_cache_name();
  name ? params.options({}) : params.options({"buckets"});
  const bool has_buckets = params.flag("buckets");
  if (auto fault = params.fault()) return *fault;

  service.shared_reads.gather(call.now);
  const ConnectionId from = call.from.connection;
  if (name) {
    if (const auto denied = service.guard.refusal(from, "info", Right::kRead, *name)) return *denied;
    const storage::Cache* cache = service.catalog.find(*name);
    if (cache == nullptr) return unknown_cache(*name);
    service.replies.result(call.from, [&](Writer& writer) { write_cache(writer, service, *cache); });
    return Answered();
  }
  service.replies.result(call.from, [&](Writer& writer) {
    writer.map(3);
    writer.string("server");
    write_server(writer, service, from, call.now);
    writer.string("caches");
    auto caches = service.catalog.caches();
    std::erase_if(caches, [&](const storage::Cache* cache) {
      return !service.guard.may(from, Right::kRead, cache->name());
    });
    writer.map(static_cast<std::uint32_t>(caches.size()));
    for (const auto* cache : caches) {
      writer.string(cache->name());
      write_cache(writer, service, *cache);
    }
    writer.string("methods");
    write_methods(writer, service.sight.meter(), has_buckets);
  });
  return Answered();
}

}  // namespace pannier::daemon
