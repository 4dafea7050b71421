#include <memory>
#include <optional>
#include <vector>

#include "daemon/handlers/common.h"
#include "daemon/handlers/handlers.h"
#include "daemon/params.h"

namespace pannier::daemon {

namespace {

/// One sync under way: what was written before it began, so that the difference is what it wrote.
struct Sync {
  Address to;
  std::shared_ptr<Waits::Ticket> ticket;
  std::vector<storage::CacheId> caches;
  std::optional<storage::CacheId> only;  ///< the one that was named
  FlushTotals before;
  storage::TimeMs began;
};

FlushTotals written(const Service& service, std::optional<storage::CacheId> cache) {
  return cache ? service.flusher.info(*cache).written : service.flusher.written();
}

void answer(Service& service, const Sync& sync) {
  for (const auto cache : sync.caches) service.flusher.synced(cache);
  const auto now_written = written(service, sync.only);
  service.replies.result(sync.to, [&](protocol::Writer& writer) {
    writer.map(3);
    writer.string("entries");
    writer.unsigned_integer(now_written.entries - sync.before.entries);
    writer.string("bytes");
    writer.unsigned_integer(now_written.bytes - sync.before.bytes);
    writer.string("duration_ms");
    writer.integer(service.clock.now() - sync.began);
  });
}

/// What came before, and had to wait for its key, has run: what is dirty now is what has to be on disk.
void flush(Service& service, const Sync& sync) {
  const auto sequence = service.catalog.write_back().sequence_last();
  reply_when_clean(service, sync.to, sync.caches, sequence, [&service, sync] { answer(service, sync); });
}

}  // namespace

Outcome handle_sync(Service& service, const Call& call) {
  Params params("sync", call.params, service.limits);
  const auto name = params.optional_cache_name();
  params.options({});
  if (auto fault = params.fault()) return *fault;

  std::vector<storage::CacheId> concerned;
  if (name) {
    const storage::Cache* cache = service.catalog.find(*name);
    if (cache == nullptr) return unknown_cache(*name);
    if (!cache->is_durable()) return not_durable("sync", *cache);
    concerned.push_back(cache->id());
  } else {
    for (const auto* cache : service.catalog.caches()) {
      if (cache->is_durable()) concerned.push_back(cache->id());
    }
  }
  const auto only = name ? std::optional(concerned.front()) : std::nullopt;
  const Sync sync{
      call.from, service.waits.take(call.from.connection, 0), concerned, only, written(service, only),
      call.now};
  const auto left = std::make_shared<std::size_t>(concerned.size() + 1);
  const auto flush_last = [&service, sync, left](storage::TimeMs) {
    if (--*left == 0) flush(service, sync);
  };
  for (const auto cache : concerned) service.cold_keys.run_behind(cache, flush_last, call.now);
  flush_last(call.now);
  return Answered();
}

}  // namespace pannier::daemon
