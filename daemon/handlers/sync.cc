#include "daemon/handlers/common.h"
#include "daemon/handlers/handlers.h"
#include "daemon/params.h"

namespace pannier::daemon {

namespace {

/// One sync under way: what was written before it began, so that the difference is what it wrote.
struct Sync {
  Address to;
  std::optional<storage::CacheId> cache;  ///< nothing: all
  FlushTotals before;
  storage::TimeMs began;
};

FlushTotals written(const Service& service, std::optional<storage::CacheId> cache) {
  return cache ? service.flusher.info(*cache).written : service.flusher.written();
}

void answer(Service& service, const Sync& sync) {
  for (const auto* cache : service.catalog.caches()) {
    if (cache->is_durable() && (!sync.cache || *sync.cache == cache->id()))
      service.flusher.synced(cache->id());
  }
  const auto now_written = written(service, sync.cache);
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

}  // namespace

Outcome handle_sync(Service& service, const Call& call) {
  Params params("sync", call.params, service.limits);
  const auto name = params.optional_cache_name();
  params.options({});
  if (auto fault = params.fault()) return *fault;

  Sync sync{call.from, std::nullopt, {}, call.now};
  if (name) {
    const storage::Cache* cache = service.catalog.find(*name);
    if (cache == nullptr) return unknown_cache(*name);
    if (!cache->is_durable()) return not_durable("sync", *cache);
    sync.cache = cache->id();
  }
  sync.before = written(service, sync.cache);
  const auto sequence = service.catalog.write_back().sequence_last();
  reply_when_clean(service, call.from, sequence, [&service, sync] { answer(service, sync); });
  return Answered();
}

}  // namespace pannier::daemon
