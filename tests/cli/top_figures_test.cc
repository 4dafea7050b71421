// What happened between two answers of `info`.
#include "client/cli/top_figures.h"

#include <gtest/gtest.h>

namespace pannier::cli {
namespace {

Look look_at(std::uint64_t uptime_ms) {
  Look look;
  look.info.server.pid = 7;
  look.info.server.uptime_ms = uptime_ms;
  return look;
}

CacheInfo cache_with(std::uint64_t hits, std::uint64_t evictions) {
  CacheInfo cache;
  cache.name = "lru";
  cache.hits = hits;
  cache.evictions = evictions;
  return cache;
}

TEST(TopFigures, count_what_came_between_the_looks) {
  auto before = look_at(1'000);
  auto now = look_at(3'000);
  before.info.server.requests = 100;
  now.info.server.requests = 150;
  before.info.caches["lru"] = cache_with(10, 1);
  now.info.caches["lru"] = cache_with(35, 1);
  now.info.caches["new"] = cache_with(4, 2);
  const auto figures = figures_between(before, now, 2);
  EXPECT_EQ(figures.seconds, 2);
  EXPECT_EQ(figures.requests, 50u);
  EXPECT_EQ(figures.counts.hits, 29u);
  EXPECT_EQ(figures.counts.evictions, 2u);
  EXPECT_EQ(figures.caches.at(0).counts.hits, 25u);
}

TEST(TopFigures, of_two_processes_are_not_compared) {
  auto before = look_at(60'000);
  auto now = look_at(1'000);
  now.info.server.requests = 5;
  now.info.caches["lru"] = cache_with(10, 1);
  const auto figures = figures_between(before, now, 2);
  EXPECT_EQ(figures.seconds, 0);
  EXPECT_EQ(figures.requests, 0u);
  EXPECT_EQ(figures.caches.at(0).counts.hits, 0u);
}

TEST(TopFigures, of_a_cache_that_was_opened_anew_count_from_zero) {
  auto before = look_at(1'000);
  auto now = look_at(2'000);
  before.info.caches["lru"] = cache_with(1'000, 0);
  now.info.caches["lru"] = cache_with(3, 0);
  EXPECT_EQ(figures_between(before, now, 1).counts.hits, 3u);
}

TEST(TopFigures, latencies_are_of_one_process) {
  auto before = look_at(1'000);
  auto now = look_at(2'000);
  before.times["get"] = {{100, 5}};
  now.times["get"] = {{100, 8}};
  ASSERT_EQ(figures_between(before, now, 1).methods.size(), 1u);
  EXPECT_EQ(figures_between(before, now, 1).methods[0].answered, 3u);
  now.info.server.pid = 8;
  EXPECT_TRUE(figures_between(before, now, 1).methods.empty());
}

TEST(TopFigures, dirty_ones_are_those_of_all_durable_caches) {
  auto now = look_at(1'000);
  now.info.caches["a"].durable = DurableInfo{.dirty_entries = 2,
                                             .dirty_bytes = 100,
                                             .last_sync_ms = {},
                                             .sync_errors = 0,
                                             .oldest_dirty_ms = 40,
                                             .last_sync_duration_ms = {},
                                             .last_error = "full"};
  now.info.caches["b"].durable = DurableInfo{.dirty_entries = 1,
                                             .dirty_bytes = 50,
                                             .last_sync_ms = {},
                                             .sync_errors = 0,
                                             .oldest_dirty_ms = 90,
                                             .last_sync_duration_ms = {},
                                             .last_error = {}};
  now.info.caches["c"];
  const auto figures = figures_between(now, now, 0);
  EXPECT_EQ(figures.dirty_entries, 3u);
  EXPECT_EQ(figures.dirty_bytes, 150u);
  EXPECT_EQ(figures.oldest_dirty_ms, 90u);
  EXPECT_EQ(figures.caches.at(0).fault, "full");
}

}  // namespace
}  // namespace pannier::cli
