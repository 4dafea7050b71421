#include "storage/catalog.h"

#include "tests/storage/catalog_fixture.h"

namespace pannier::storage {
namespace {

class CatalogTest : public CatalogFixture {};

TEST_F(CatalogTest, open_creates_once_and_then_finds) {
  const auto first = std::get<Opened>(catalog_->open("c", lru(5), false, kNow));
  const auto second = std::get<Opened>(catalog_->open("c", lru(5), false, kNow));
  EXPECT_TRUE(first.created);
  EXPECT_FALSE(second.created);
  EXPECT_EQ(&first.cache, &second.cache);
  EXPECT_EQ(catalog_->find("c"), &first.cache);
  EXPECT_EQ(catalog_->find(first.cache.id()), &first.cache);
  EXPECT_EQ(catalog_->find("d"), nullptr);
}

TEST_F(CatalogTest, other_settings_are_a_conflict_that_names_both) {
  open("c", lru(5));
  const auto conflict = std::get<OpenConflict>(catalog_->open("c", lru(6), false, kNow));
  EXPECT_EQ(conflict.text, "max_entries is 5, asked for 6");
  const auto unbounded = std::get<OpenConflict>(catalog_->open("c", Settings{}, false, kNow));
  EXPECT_EQ(unbounded.text, "max_entries is 5, asked for nil");
  EXPECT_EQ(std::get<OpenConflict>(catalog_->open("c", durable(), true, kNow)).text,
            "tier is \"lru\", asked for \"durable\"");
}

TEST_F(CatalogTest, altered_bounds_are_reached_in_steps) {
  Cache& cache = open("c", lru(1'000));
  for (int i = 0; i < 1'000; ++i) put(cache, std::to_string(i), "v");
  EXPECT_TRUE(std::get<Opened>(catalog_->open("c", lru(10), true, kNow)).altered);
  put(cache, "one more", "v");
  EXPECT_EQ(cache.entries(), 1'000U);
  EXPECT_LE(catalog_->next_due(), kNow);
  EXPECT_TRUE(catalog_->step(kNow, 100));
  EXPECT_EQ(cache.entries(), 900U);
  while (catalog_->step(kNow, 100)) {
  }
  EXPECT_EQ(cache.entries(), 10U);
  EXPECT_EQ(value(cache, "one more"), "v");
  EXPECT_EQ(catalog_->next_due(), kNever);
}

TEST_F(CatalogTest, there_are_no_more_caches_than_allowed) {
  start({.caches_max = 2});
  open("a", lru(1));
  open("b", lru(1));
  const auto refused = std::get<OpenRefused>(catalog_->open("c", lru(1), false, kNow));
  EXPECT_EQ(refused.kind, OpenRefused::Kind::kTooManyCaches);
  EXPECT_TRUE(is<Opened>(catalog_->open("a", lru(1), false, kNow)));
}

TEST_F(CatalogTest, reservations_leave_half_of_the_memory_to_all) {
  start({.memory_bytes_max = kMiB});
  Settings settings;
  settings.reserved_bytes = 400'000;
  open("a", settings);
  const auto refused = std::get<OpenRefused>(catalog_->open("b", settings, false, kNow));
  EXPECT_EQ(refused.kind, OpenRefused::Kind::kReservedTooMuch);
  settings.reserved_bytes = kMiB / 2;
  EXPECT_TRUE(is<Opened>(catalog_->open("a", settings, true, kNow)));
  settings.reserved_bytes = kMiB / 2 + 1;
  EXPECT_TRUE(is<OpenRefused>(catalog_->open("a", settings, true, kNow)));
}

TEST_F(CatalogTest, under_a_lower_limit_each_reservation_counts_for_its_share) {
  start({.memory_bytes_max = kMiB});
  const auto define = [this](CacheId id, const std::string& name, std::uint64_t reserved_bytes) -> Cache& {
    Definition definition;
    definition.id = id;
    definition.name = name;
    definition.settings = durable();
    definition.settings.reserved_bytes = reserved_bytes;
    return *catalog_->restore(definition);
  };
  Cache& a = define(1, "a", 3 * kMiB);
  define(2, "b", kMiB);
  Cache& greedy = open("greedy", Settings{});
  const auto reduced = catalog_->reduced_reservations();
  ASSERT_EQ(reduced.size(), 2U);
  EXPECT_EQ(reduced[0].cache, "a");
  EXPECT_EQ(reduced[0].reserved_bytes, 3 * kMiB);
  EXPECT_EQ(reduced[0].counted_bytes, kMiB / 8 * 3);
  EXPECT_EQ(reduced[1].counted_bytes, kMiB / 8);
  EXPECT_EQ(a.settings().reserved_bytes, 3 * kMiB);
  // What is left to all is theirs.
  EXPECT_TRUE(is<Written>(greedy.put("large", large(250'000), {}, kNow)));
  Settings less = a.settings();
  less.reserved_bytes = kMiB / 2;
  EXPECT_TRUE(is<OpenRefused>(catalog_->open("c", less, false, kNow)));
  EXPECT_TRUE(is<Opened>(catalog_->open("a", less, true, kNow)));
  EXPECT_EQ(catalog_->reduced_reservations().size(), 2U);
  catalog_->drop("b");
  EXPECT_TRUE(catalog_->reduced_reservations().empty());
}

TEST_F(CatalogTest, memory_used_never_exceeds_the_limit) {
  start({.memory_bytes_max = kMiB});
  Cache& cache = open("c", Settings{});
  for (std::size_t i = 0; i < 10'000; ++i) {
    put(cache, std::to_string(i), large(i * 37 % 3'000));
    ASSERT_LE(catalog_->memory_used(), kMiB);
  }
  EXPECT_GT(catalog_->memory_used(), kMiB / 4 * 3);
  const auto big = std::get<TooBig>(cache.put("big", large(kMiB), {}, kNow));
  EXPECT_FALSE(big.limit_is_of_cache);
  EXPECT_TRUE(is<Written>(cache.put("k", large(big.limit_bytes - entry_charge(1, 16)), {}, kNow)));
  EXPECT_LE(catalog_->memory_used(), kMiB);
}

TEST_F(CatalogTest, the_least_recently_used_of_all_caches_goes_first) {
  start({.memory_bytes_max = kMiB});
  Cache& a = open("a", Settings{});
  Cache& b = open("b", Settings{});
  put(a, "old", large(100'000));
  put(b, "older", large(100'000));
  a.get("old", kNow);
  for (int i = 0; i < 20 && a.stats().evictions + b.stats().evictions == 0; ++i) {
    put(a, "new" + std::to_string(i), large(100'000));
  }
  EXPECT_EQ(value(b, "older"), "(none)");
  EXPECT_NE(value(a, "old"), "(none)");
}

TEST_F(CatalogTest, a_reservation_cannot_be_taken_by_others) {
  start({.memory_bytes_max = kMiB});
  Settings settings;
  settings.reserved_bytes = 400'000;
  Cache& safe = open("safe", settings);
  Cache& greedy = open("greedy", Settings{});
  for (const char* key : {"a", "b", "c"}) put(safe, key, large(100'000));
  for (int i = 0; i < 100; ++i) put(greedy, std::to_string(i), large(50'000));
  EXPECT_GT(greedy.stats().evictions, 50U);
  for (const char* key : {"a", "b", "c"}) EXPECT_NE(value(safe, key), "(none)");
  const auto big = std::get<TooBig>(greedy.put("big", large(kMiB - 400'000), {}, kNow));
  EXPECT_LE(big.limit_bytes, kMiB - 400'000);
}

TEST_F(CatalogTest, expired_memory_anywhere_goes_before_live_entries) {
  start({.memory_bytes_max = kMiB});
  Cache& a = open("a", Settings{});
  Cache& b = open("b", Settings{});
  put(a, "live", large(100'000));
  put(b, "dead", large(100'000), ttl(5));
  for (int i = 0; i < 20 && b.entries() > 0; ++i) {
    put(a, "new" + std::to_string(i), large(100'000), {}, kNow + 5);
  }
  EXPECT_EQ(b.entries(), 0U);
  EXPECT_EQ(b.stats().expirations, 1U);
  EXPECT_NE(value(a, "live", kNow + 5), "(none)");
  EXPECT_EQ(a.stats().evictions, 0U);
}

TEST_F(CatalogTest, a_dropped_cache_is_freed_in_steps_and_its_name_is_free_at_once) {
  Cache& cache = open("c", Settings{});
  const std::uint64_t empty_bytes = catalog_->memory_used();
  const CacheId id = cache.id();
  for (int i = 0; i < 1'000; ++i) put(cache, std::to_string(i), "v", ttl(1'000'000));
  const auto dropped = catalog_->drop("c");
  ASSERT_TRUE(dropped.has_value());
  EXPECT_EQ(dropped->id, id);
  EXPECT_FALSE(catalog_->drop("c").has_value());
  EXPECT_GT(open("c", Settings{}).id(), id);
  EXPECT_TRUE(catalog_->step(kNow, 100));
  EXPECT_GT(catalog_->memory_used(), empty_bytes);
  while (catalog_->step(kNow, 100)) {
  }
  EXPECT_EQ(catalog_->memory_used(), empty_bytes);
}

TEST_F(CatalogTest, memory_of_dropped_caches_is_taken_first) {
  start({.memory_bytes_max = kMiB});
  Cache& live = open("live", Settings{});
  put(live, "key", large(100'000));
  Cache& gone = open("gone", Settings{});
  for (int i = 0; i < 6; ++i) put(gone, std::to_string(i), large(100'000));
  catalog_->drop("gone");
  for (int i = 0; i < 5; ++i) put(live, std::to_string(i), large(100'000));
  EXPECT_NE(value(live, "key"), "(none)");
  EXPECT_EQ(live.stats().evictions, 0U);
}

TEST_F(CatalogTest, ids_of_the_disk_are_never_given_again) {
  Definition definition;
  definition.id = 7;
  definition.name = "d";
  definition.settings = durable();
  definition.disk_entries = 3;
  EXPECT_EQ(catalog_->restore(definition)->entries(), 3U);
  catalog_->raise_next_id(9);
  EXPECT_EQ(open("e", durable()).id(), 10U);
}

TEST_F(CatalogTest, versions_are_never_given_twice) {
  Catalog catalog({}, *this);
  catalog.set_versions(100, 102);
  EXPECT_EQ(catalog.version_last(), 99U);
  EXPECT_EQ(catalog.take_version(), 100U);
  catalog.set_versions(100, 103);
  EXPECT_EQ(catalog.versions_left(), 2U);
  EXPECT_EQ(catalog.take_version(), 101U);
  EXPECT_EQ(catalog.take_version(), 102U);
  EXPECT_EQ(catalog.take_version(), std::nullopt);
}

TEST_F(CatalogTest, a_sweep_within_its_budget_gets_to_every_cache) {
  for (const char* name : {"a", "b", "c"}) {
    Cache& cache = open(name, Settings{});
    for (int i = 0; i < 100; ++i) put(cache, std::to_string(i), "v", ttl(10));
  }
  for (int steps = 0; steps < 6; ++steps) catalog_->step(kNow + 10, 20);
  for (Cache* cache : catalog_->caches()) EXPECT_EQ(cache->entries(), 60U);
}

}  // namespace
}  // namespace pannier::storage
