#include "storage/cache.h"

#include "tests/storage/catalog_fixture.h"

namespace pannier::storage {
namespace {

class CacheTest : public CatalogFixture {};

TEST_F(CacheTest, a_put_is_read_back_with_its_version) {
  Cache& cache = open("c", lru(10));
  const Version version = put(cache, "key", std::string("\0\xff", 2));
  const Lookup lookup = cache.get("key", kNow);
  EXPECT_EQ(std::get<Hit>(lookup).entry.value, std::string("\0\xff", 2));
  EXPECT_EQ(std::get<Hit>(lookup).entry.version, version);
  EXPECT_EQ(std::get<Hit>(lookup).entry.deadline, kNever);
  EXPECT_GT(put(cache, "key", "b"), version);
}

TEST_F(CacheTest, expired_entry_is_a_miss_before_the_sweep) {
  Cache& cache = open("c", lru(10));
  put(cache, "key", "v", ttl(100));
  EXPECT_TRUE(is<Hit>(cache.get("key", kNow + 99)));
  EXPECT_TRUE(is<Miss>(cache.get("key", kNow + 100)));
  EXPECT_TRUE(is<Miss>(cache.get_or_stale("key", kNow + 100)));
  EXPECT_EQ(std::get<Erased>(cache.erase("key", std::nullopt, kNow + 100)).was_live, false);
  EXPECT_EQ(times("key", Change::kExpired), 1);
}

TEST_F(CacheTest, a_ttl_of_zero_is_past_its_deadline_at_once) {
  Cache& cache = open("c", lru(10));
  put(cache, "key", "v", ttl(0));
  EXPECT_TRUE(is<Miss>(cache.find("key", kNow)));
  EXPECT_LE(catalog_->next_due(), kNow);
}

TEST_F(CacheTest, the_longest_ttl_does_not_overflow) {
  Cache& cache = open("c", lru(10));
  put(cache, "key", "v", ttl(std::uint64_t{1} << 53, std::uint64_t{1} << 53));
  EXPECT_EQ(value(cache, "key", kNow + (TimeMs{1} << 53) - 1), "v");
  put(cache, "key", "v", ttl(UINT64_MAX));
  EXPECT_EQ(std::get<Hit>(cache.find("key", kNow)).entry.deadline, kNever);
}

TEST_F(CacheTest, memory_is_taken_back_without_a_request) {
  Cache& cache = open("c", lru(10));
  const std::uint64_t empty_bytes = catalog_->memory_used();
  put(cache, "key", "v", ttl(100));
  EXPECT_GT(catalog_->memory_used(), empty_bytes);
  EXPECT_LE(catalog_->next_due(), kNow + 100);
  EXPECT_FALSE(catalog_->step(kNow + 99, 1'000));
  EXPECT_EQ(cache.entries(), 1U);
  EXPECT_FALSE(catalog_->step(kNow + 100, 1'000));
  EXPECT_EQ(cache.entries(), 0U);
  EXPECT_EQ(catalog_->memory_used(), empty_bytes);
  EXPECT_EQ(cache.stats().expirations, 1U);
}

TEST_F(CacheTest, the_lag_is_that_of_the_oldest_that_is_late) {
  Cache& cache = open("c", lru(10));
  put(cache, "a", "v", ttl(50));
  put(cache, "b", "v", ttl(60));
  EXPECT_EQ(catalog_->expiry_lag_ms(kNow + 50), 0U);
  EXPECT_EQ(catalog_->expiry_lag_ms(kNow + 80), 30U);
}

TEST_F(CacheTest, a_stale_entry_is_seen_by_a_lease_alone) {
  Cache& cache = open("c", lru(10));
  put(cache, "key", "v", ttl(100, 50));
  EXPECT_TRUE(is<Miss>(cache.get("absent", kNow + 100)));
  EXPECT_TRUE(is<Stale>(cache.get("key", kNow + 100)));
  EXPECT_EQ(std::get<Touched>(cache.touch("key", {}, kNow + 100)).was_live, false);
  EXPECT_TRUE(is<NotHeld>(cache.put("key", "w", only_if({Condition::Kind::kPresent}), kNow + 100)));
  EXPECT_TRUE(is<Stale>(cache.get_or_stale("key", kNow + 149)));
  EXPECT_TRUE(is<Miss>(cache.get_or_stale("key", kNow + 150)));
  EXPECT_EQ(cache.stats().hits, 1U);
  EXPECT_EQ(cache.stats().misses, 2U);
}

TEST_F(CacheTest, expiry_is_told_and_counted_once_though_the_entry_goes_on_as_stale) {
  Cache& cache = open("c", lru(10));
  put(cache, "key", "v", ttl(100, 50));
  catalog_->step(kNow + 100, 1'000);
  EXPECT_EQ(times("key", Change::kExpired), 1);
  EXPECT_EQ(cache.entries(), 1U);
  catalog_->step(kNow + 150, 1'000);
  EXPECT_EQ(cache.entries(), 0U);
  EXPECT_EQ(times("key", Change::kExpired), 1);
  EXPECT_EQ(cache.stats().expirations, 1U);
}

TEST_F(CacheTest, an_erase_takes_the_stale_value_too) {
  Cache& cache = open("c", lru(10));
  put(cache, "key", "v", ttl(100, 50));
  EXPECT_FALSE(std::get<Erased>(cache.erase("key", std::nullopt, kNow + 120)).was_live);
  EXPECT_TRUE(is<Miss>(cache.get_or_stale("key", kNow + 120)));
}

TEST_F(CacheTest, keep_ttl_keeps_deadline_and_stale_window_of_a_live_entry) {
  Cache& cache = open("c", lru(10));
  PutOptions keep = ttl(5'000, 7);
  keep.keep_ttl = true;
  put(cache, "key", "v", ttl(100, 50));
  put(cache, "key", "w", keep);
  EXPECT_EQ(std::get<Hit>(cache.find("key", kNow)).entry.deadline, kNow + 100);
  EXPECT_TRUE(is<Stale>(cache.find("key", kNow + 149)));
  put(cache, "key", "x", keep, kNow + 100);
  EXPECT_EQ(std::get<Hit>(cache.find("key", kNow + 100)).entry.deadline, kNow + 5'100);
}

TEST_F(CacheTest, no_deadline_is_unsupported_where_every_entry_needs_one) {
  Settings settings = lru(10);
  settings.tier = Tier::kTtl;
  settings.age_ms_max = 500;
  Cache& cache = open("c", settings);
  PutOptions none;
  none.ttl = {Ttl::Kind::kNone};
  EXPECT_TRUE(is<NotSupported>(cache.put("key", "v", none, kNow)));
  put(cache, "key", "v");
  EXPECT_EQ(std::get<Hit>(cache.find("key", kNow)).entry.deadline, kNow + 500);
  EXPECT_TRUE(is<NotSupported>(cache.touch("key", none.ttl, kNow)));
}

TEST_F(CacheTest, touch_without_an_age_leaves_the_deadline) {
  Cache& cache = open("c", lru(10));
  const Version version = put(cache, "key", "v", ttl(100, 50));
  EXPECT_TRUE(std::get<Touched>(cache.touch("key", {}, kNow + 10)).was_live);
  EXPECT_EQ(std::get<Hit>(cache.find("key", kNow)).entry.deadline, kNow + 100);
  EXPECT_TRUE(std::get<Touched>(cache.touch("key", {Ttl::Kind::kGiven, 200}, kNow + 10)).was_live);
  EXPECT_EQ(std::get<Hit>(cache.find("key", kNow)).entry.deadline, kNow + 210);
  EXPECT_TRUE(is<Stale>(cache.find("key", kNow + 259)));
  EXPECT_EQ(std::get<Hit>(cache.find("key", kNow)).entry.version, version);
}

TEST_F(CacheTest, conditions_look_at_live_entries) {
  Cache& cache = open("c", lru(10));
  EXPECT_TRUE(is<NotHeld>(cache.put("key", "v", only_if({Condition::Kind::kPresent}), kNow)));
  EXPECT_TRUE(is<Written>(cache.put("key", "v", only_if({Condition::Kind::kAbsent}), kNow)));
  EXPECT_TRUE(is<NotHeld>(cache.put("key", "w", only_if({Condition::Kind::kAbsent}), kNow)));
  const Version version = std::get<Hit>(cache.find("key", kNow)).entry.version;
  EXPECT_TRUE(is<NotHeld>(cache.put("key", "w", only_if({Condition::Kind::kVersion, version + 1}), kNow)));
  EXPECT_TRUE(is<Written>(cache.put("key", "w", only_if({Condition::Kind::kVersion, version}), kNow)));
  EXPECT_FALSE(std::get<Erased>(cache.erase("key", version, kNow)).was_live);
  EXPECT_EQ(value(cache, "key"), "w");
}

TEST_F(CacheTest, what_does_not_fit_leaves_everything_as_it_was) {
  Settings settings;
  settings.bytes_max = 1'000;
  Cache& cache = open("c", settings);
  put(cache, "other", "o");
  put(cache, "key", "old");
  const auto big = std::get<TooBig>(cache.put("key", std::string(1'000, 'x'), {}, kNow));
  EXPECT_EQ(big.charge_bytes, entry_charge(3, 1'000));
  EXPECT_EQ(big.limit_bytes, 1'000U);
  EXPECT_TRUE(big.limit_is_of_cache);
  EXPECT_EQ(value(cache, "key"), "old");
  EXPECT_EQ(value(cache, "other"), "o");
}

TEST_F(CacheTest, an_overwrite_counts_the_old_charge_as_freed) {
  Settings settings;
  settings.bytes_max = entry_charge(1, 500) + entry_charge(1, 0);
  Cache& cache = open("c", settings);
  put(cache, "a", "");
  put(cache, "b", std::string(500, 'x'));
  put(cache, "b", std::string(500, 'y'));
  EXPECT_EQ(value(cache, "a"), "");
  EXPECT_EQ(cache.stats().evictions, 0U);
}

TEST_F(CacheTest, stale_entries_go_before_live_ones) {
  Cache& cache = open("c", lru(3));
  put(cache, "live", "v");
  put(cache, "stale", "v", ttl(10, 1'000));
  put(cache, "newer", "v");
  put(cache, "newest", "v", {}, kNow + 20);
  EXPECT_EQ(value(cache, "live", kNow + 20), "v");
  EXPECT_TRUE(is<Miss>(cache.find("stale", kNow + 20)));
  EXPECT_EQ(cache.stats().evictions, 0U);
}

TEST_F(CacheTest, without_versions_nothing_is_written) {
  Catalog catalog({}, *this);
  Settings settings;
  Cache& cache = std::get<Opened>(catalog.open("c", settings, false, kNow)).cache;
  EXPECT_TRUE(is<NoVersions>(cache.put("key", "v", {}, kNow)));
  catalog.set_versions(10, 11);
  EXPECT_EQ(std::get<Written>(cache.put("key", "v", {}, kNow)).version, 10U);
  EXPECT_TRUE(is<NoVersions>(cache.put("key", "w", {}, kNow)));
  EXPECT_EQ(catalog.take_version(), std::nullopt);
  EXPECT_EQ(value(cache, "key"), "v");
}

TEST_F(CacheTest, a_clear_is_over_for_readers_when_it_begins) {
  Cache& cache = open("c", lru(100));
  for (int i = 0; i < 10; ++i) put(cache, "a" + std::to_string(i), "v");
  put(cache, "b", "v");
  const ClearId clear = cache.clear_begin("a", kNow);
  EXPECT_EQ(value(cache, "a3"), "(none)");
  EXPECT_EQ(value(cache, "b"), "v");
  put(cache, "a3", "new");
  while (cache.clear_step(clear, 1)) {
  }
  EXPECT_EQ(cache.clear_end(clear, 0, kNow), 10U);
  EXPECT_EQ(value(cache, "a3"), "new");
  EXPECT_EQ(cache.entries(), 2U);
  EXPECT_EQ(cache.stats().cleared, 10U);
}

TEST_F(CacheTest, a_clear_counts_each_entry_once_whichever_way_it_goes) {
  Cache& cache = open("c", lru(4));
  put(cache, "evicted", "v");
  put(cache, "overwritten", "v");
  put(cache, "expired", "v", ttl(10));
  put(cache, "dead", "v", ttl(0));
  const ClearId clear = cache.clear_begin("", kNow);
  put(cache, "overwritten", "w");
  catalog_->step(kNow + 10, 1'000);
  for (const char* key : {"x", "y", "z"}) put(cache, key, "v", {}, kNow + 10);
  EXPECT_EQ(cache.entries(), 4U);
  while (cache.clear_step(clear, 100)) {
  }
  EXPECT_EQ(cache.clear_end(clear, 0, kNow + 10), 3U);
  EXPECT_EQ(cache.stats().evictions, 0U);
  EXPECT_EQ(cache.entries(), 4U);
}

TEST_F(CacheTest, a_walk_in_small_pieces_sees_every_key_once) {
  Cache& cache = open("c", lru(1'000));
  for (int i = 0; i < 500; ++i) put(cache, "k" + std::to_string(i), "v");
  std::vector<std::string> all;
  std::optional<WalkPosition> position = WalkPosition{};
  while (position) {
    std::vector<std::string> keys;
    const WalkStep step = cache.walk(*position, "k", 7, 1'000'000, kNow, keys);
    EXPECT_LE(keys.size(), 7U);
    EXPECT_TRUE(keys.size() == 7 || !step.next);
    all.insert(all.end(), keys.begin(), keys.end());
    position = step.next;
  }
  std::ranges::sort(all);
  EXPECT_EQ(std::unique(all.begin(), all.end()), all.end());
  EXPECT_EQ(all.size(), 500U);
}

TEST_F(CacheTest, a_walk_stops_at_its_budget_without_a_match) {
  Cache& cache = open("c", lru(10'000));
  for (int i = 0; i < 5'000; ++i) put(cache, std::to_string(i), "v");
  std::vector<std::string> keys;
  const WalkStep step = cache.walk({}, "absent", 10, 100, kNow, keys);
  EXPECT_TRUE(step.next.has_value());
  EXPECT_GE(step.visited, 100U);
  EXPECT_LT(step.visited, 200U);
}

}  // namespace
}  // namespace pannier::storage
