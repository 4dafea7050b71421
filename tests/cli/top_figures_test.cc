// What happened between two answers of `info`.
#include "client/cli/top_figures.h"

#include <gtest/gtest.h>

namespace pannier::cli {
namespace {

Info info_at(std::uint64_t uptime_ms) {
  Info info;
  info.server.pid = 7;
  info.server.uptime_ms = uptime_ms;
  return info;
}

CacheInfo cache_with(std::uint64_t hits, std::uint64_t evictions) {
  CacheInfo cache;
  cache.name = "lru";
  cache.hits = hits;
  cache.evictions = evictions;
  return cache;
}

TEST(TopFigures, count_what_came_between_the_looks) {
  auto before = info_at(1'000);
  auto now = info_at(3'000);
  before.server.requests = 100;
  now.server.requests = 150;
  before.caches["lru"] = cache_with(10, 1);
  now.caches["lru"] = cache_with(35, 1);
  now.caches["new"] = cache_with(4, 2);
  const auto figures = figures_between(before, now, 2);
  EXPECT_EQ(figures.seconds, 2);
  EXPECT_EQ(figures.requests, 50u);
  EXPECT_EQ(figures.counts.hits, 29u);
  EXPECT_EQ(figures.counts.evictions, 2u);
  EXPECT_EQ(figures.caches.at(0).counts.hits, 25u);
}

TEST(TopFigures, of_two_processes_are_not_compared) {
  auto before = info_at(60'000);
  auto now = info_at(1'000);
  now.server.requests = 5;
  now.caches["lru"] = cache_with(10, 1);
  const auto figures = figures_between(before, now, 2);
  EXPECT_EQ(figures.seconds, 0);
  EXPECT_EQ(figures.requests, 0u);
  EXPECT_EQ(figures.caches.at(0).counts.hits, 0u);
}

TEST(TopFigures, of_a_cache_that_was_opened_anew_count_from_zero) {
  auto before = info_at(1'000);
  auto now = info_at(2'000);
  before.caches["lru"] = cache_with(1'000, 0);
  now.caches["lru"] = cache_with(3, 0);
  EXPECT_EQ(figures_between(before, now, 1).counts.hits, 3u);
}

TEST(TopFigures, dirty_ones_are_those_of_all_durable_caches) {
  auto now = info_at(1'000);
  now.caches["a"].durable = DurableInfo{.dirty_entries = 2,
                                        .dirty_bytes = 100,
                                        .last_sync_ms = {},
                                        .sync_errors = 0,
                                        .oldest_dirty_ms = 40,
                                        .last_sync_duration_ms = {},
                                        .last_error = "full"};
  now.caches["b"].durable = DurableInfo{.dirty_entries = 1,
                                        .dirty_bytes = 50,
                                        .last_sync_ms = {},
                                        .sync_errors = 0,
                                        .oldest_dirty_ms = 90,
                                        .last_sync_duration_ms = {},
                                        .last_error = {}};
  now.caches["c"];
  const auto figures = figures_between(now, now, 0);
  EXPECT_EQ(figures.dirty_entries, 3u);
  EXPECT_EQ(figures.dirty_bytes, 150u);
  EXPECT_EQ(figures.oldest_dirty_ms, 90u);
  EXPECT_EQ(figures.caches.at(0).fault, "full");
}

}  // namespace
}  // namespace pannier::cli
