#include "client/cli/top_figures.h"

#include <algorithm>

namespace pannier::cli {

namespace {

std::uint64_t counted(std::uint64_t before, std::uint64_t now) { return now >= before ? now - before : now; }

Counts counts_between(const CacheInfo& before, const CacheInfo& now) {
  return {.hits = counted(before.hits, now.hits),
          .misses = counted(before.misses, now.misses),
          .puts = counted(before.puts, now.puts),
          .evictions = counted(before.evictions, now.evictions),
          .expirations = counted(before.expirations, now.expirations)};
}

void add(Counts& sum, const Counts& more) {
  sum.hits += more.hits;
  sum.misses += more.misses;
  sum.puts += more.puts;
  sum.evictions += more.evictions;
  sum.expirations += more.expirations;
}

CacheFigures figures_of(const CacheInfo& cache) {
  CacheFigures figures{.name = cache.name,
                       .tier = cache.tier,
                       .entries = cache.currsize,
                       .used_bytes = cache.used_bytes,
                       .dirty_entries = 0,
                       .fault = {},
                       .counts = {}};
  if (cache.durable) {
    figures.dirty_entries = cache.durable->dirty_entries;
    figures.fault = cache.durable->last_error;
  }
  return figures;
}

void add_dirty(TopFigures& figures, const CacheInfo& cache) {
  if (!cache.durable) return;
  figures.dirty_entries += cache.durable->dirty_entries;
  figures.dirty_bytes += cache.durable->dirty_bytes;
  figures.oldest_dirty_ms = std::max(figures.oldest_dirty_ms, cache.durable->oldest_dirty_ms);
}

bool is_same_process(const ServerInfo& before, const ServerInfo& now) {
  return before.pid == now.pid && before.uptime_ms <= now.uptime_ms;
}

}  // namespace

TopFigures figures_between(const Look& before, const Look& now, double seconds) {
  TopFigures figures;
  figures.server = now.info.server;
  const bool is_compared = is_same_process(before.info.server, now.info.server) && seconds > 0;
  for (const auto& [name, cache] : now.info.caches) {
    auto row = figures_of(cache);
    if (is_compared) {
      const auto old = before.info.caches.find(name);
      row.counts = counts_between(old == before.info.caches.end() ? CacheInfo() : old->second, cache);
    }
    add(figures.counts, row.counts);
    add_dirty(figures, cache);
    figures.caches.push_back(std::move(row));
  }
  if (!is_compared) return figures;
  figures.seconds = seconds;
  figures.requests = counted(before.info.server.requests, now.info.server.requests);
  figures.methods = methods_between(before.times, now.times);
  return figures;
}

}  // namespace pannier::cli
