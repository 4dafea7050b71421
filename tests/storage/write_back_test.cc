#include "storage/write_back.h"

#include "tests/storage/catalog_fixture.h"

namespace pannier::storage {
namespace {

class WriteBackTest : public CatalogFixture {
 protected:
  WriteBack& write_back() { return catalog_->write_back(); }
  Batch take(const BatchLimits& limits = {}) { return write_back().take_batch(limits).value(); }
  /// The batch was written, and then the cache had so many entries on disk.
  void done(const Batch& batch, const Cache& cache, std::uint64_t disk_entries) {
    write_back().batch_done(batch, {{{cache.id(), disk_entries}}});
  }
  /// A cache with `keys` on disk and nothing in memory.
  Cache& open_cold(const std::string& name, std::uint64_t disk_entries) {
    Cache& cache = open(name, durable());
    cache.set_disk_entries(disk_entries);
    return cache;
  }
  static Record record(const std::string& value, TimeMs deadline = kNever, std::uint64_t stale_ms = 0) {
    return {value, 1, deadline, stale_ms};
  }
  static std::vector<std::string> keys_of(const Batch& batch) {
    std::vector<std::string> keys;
    for (const BatchItem& item : batch.items) keys.push_back(item.key);
    return keys;
  }
};

TEST_F(WriteBackTest, a_batch_takes_the_oldest_changes_of_all_caches) {
  Cache& first = open("first", durable());
  Cache& second = open("second", durable());
  put(second, "b", "1");
  put(first, "z", "2");
  put(first, "a", "3");
  put(second, "late", "4");
  BatchLimits limits;
  limits.items_max = 3;
  const Batch batch = take(limits);
  EXPECT_EQ(keys_of(batch), (std::vector<std::string>{"b", "z", "a"}));
  EXPECT_EQ(batch.items[0].cache, second.id());
  EXPECT_EQ(batch.items[0].record->value, "1");
  EXPECT_EQ(keys_of(take(limits)), std::vector<std::string>{"late"});
  EXPECT_EQ(write_back().take_batch({}), std::nullopt);
}

TEST_F(WriteBackTest, an_entry_that_changed_in_flight_waits_for_its_batch_and_what_is_newer_with_it) {
  Cache& cache = open("c", durable());
  put(cache, "a", "1");
  const Batch first = take();
  put(cache, "b", "1");
  put(cache, "a", "2");
  put(cache, "c", "1");
  const Batch second = take();
  EXPECT_EQ(keys_of(second), std::vector<std::string>{"b"});
  EXPECT_FALSE(write_back().has_batch());
  EXPECT_FALSE(write_back().is_all_in_flight());
  done(first, cache, 1);
  EXPECT_EQ(write_back().clean_through(), 1U);
  const Batch third = take();
  EXPECT_EQ(keys_of(third), (std::vector<std::string>{"a", "c"}));
  EXPECT_TRUE(write_back().is_all_in_flight());
  done(second, cache, 2);
  EXPECT_EQ(cache.entries(), 3U);
  done(third, cache, 3);
  EXPECT_EQ(write_back().clean_through(), write_back().sequence_last());
}

TEST_F(WriteBackTest, batches_that_fail_one_after_the_other_are_dirty_in_their_old_order) {
  Cache& cache = open("c", durable());
  for (const char* key : {"c", "a", "d", "b"}) put(cache, key, "1");
  BatchLimits two;
  two.items_max = 2;
  const Batch first = take(two);
  const Batch second = take(two);
  write_back().batch_failed(second);
  write_back().batch_failed(first);
  EXPECT_FALSE(write_back().in_flight());
  EXPECT_EQ(keys_of(take()), (std::vector<std::string>{"c", "a", "d", "b"}));
}

TEST_F(WriteBackTest, no_more_is_in_flight_than_its_bounds) {
  Cache& cache = open("c", durable());
  for (int i = 0; i < 24; ++i) put(cache, std::to_string(i), std::string(std::size_t{1} << 20, 'x'));
  int batches = 0;
  while (write_back().take_batch({})) ++batches;
  EXPECT_EQ(batches, 8);
}

TEST_F(WriteBackTest, a_batch_keeps_to_its_bytes_unless_one_entry_is_larger) {
  Cache& cache = open("c", durable());
  put(cache, "a", std::string(500, 'x'));
  put(cache, "b", "y");
  BatchLimits limits;
  limits.bytes_max = 100;
  const Batch batch = take(limits);
  EXPECT_EQ(keys_of(batch), std::vector<std::string>{"a"});
  EXPECT_EQ(batch.bytes, 501U);
}

TEST_F(WriteBackTest, a_change_of_a_dirty_entry_keeps_its_place) {
  Cache& cache = open("c", durable());
  put(cache, "a", "1");
  const std::uint64_t sequence = cache.dirty_sequence("a");
  put(cache, "b", "1");
  put(cache, "a", "2");
  EXPECT_EQ(cache.dirty_sequence("a"), sequence);
  EXPECT_EQ(write_back().sequence_last(), sequence + 1);
  EXPECT_EQ(take().items[0].record->value, "2");
}

TEST_F(WriteBackTest, entries_are_clean_when_their_batch_is_done) {
  Cache& cache = open("c", durable());
  put(cache, "a", "1");
  EXPECT_EQ(write_back().clean_through(), 0U);
  EXPECT_EQ(write_back().oldest_dirty_since(), kNow);
  EXPECT_EQ(cache.dirty().entries, 1U);
  const Batch batch = take();
  EXPECT_TRUE(write_back().in_flight());
  EXPECT_EQ(write_back().clean_through(), 0U);
  EXPECT_EQ(cache.dirty().entries, 1U);
  done(batch, cache, 1);
  EXPECT_EQ(write_back().clean_through(), write_back().sequence_last());
  EXPECT_EQ(write_back().oldest_dirty_since(), kNever);
  EXPECT_EQ(write_back().totals().bytes, 0U);
  EXPECT_EQ(cache.dirty_sequence("a"), 0U);
  EXPECT_EQ(cache.entries(), 1U);
}

TEST_F(WriteBackTest, an_entry_that_changed_in_flight_is_dirty_with_a_new_sequence) {
  Cache& cache = open("c", durable());
  put(cache, "a", "1");
  const std::uint64_t sequence = cache.dirty_sequence("a");
  const Batch batch = take();
  put(cache, "a", "2");
  EXPECT_GT(cache.dirty_sequence("a"), sequence);
  done(batch, cache, 1);
  EXPECT_EQ(write_back().clean_through(), sequence);
  const Batch next = take();
  EXPECT_EQ(next.items[0].record->value, "2");
  EXPECT_EQ(next.items[0].on_disk, OnDisk::kYes);
}

TEST_F(WriteBackTest, a_failed_batch_is_dirty_at_its_old_places) {
  Cache& cache = open("c", durable());
  put(cache, "b", "1");
  put(cache, "a", "1");
  BatchLimits two;
  two.items_max = 2;
  const Batch batch = take(two);
  put(cache, "b", "2");
  put(cache, "c", "1");
  write_back().batch_failed(batch);
  EXPECT_EQ(write_back().clean_through(), 0U);
  BatchLimits one;
  one.items_max = 1;
  const Batch first = take(one);
  EXPECT_EQ(first.items[0].key, "b");
  EXPECT_EQ(first.items[0].record->value, "2");
  EXPECT_EQ(first.items[0].on_disk, OnDisk::kUnknown);
}

TEST_F(WriteBackTest, what_was_never_on_disk_leaves_no_tombstone) {
  Cache& cache = open("c", durable());
  const std::uint64_t empty_bytes = catalog_->memory_used();
  put(cache, "a", "1");
  EXPECT_TRUE(std::get<Erased>(cache.erase("a", std::nullopt, kNow)).was_live);
  EXPECT_EQ(write_back().take_batch({}), std::nullopt);
  EXPECT_EQ(catalog_->memory_used(), empty_bytes);
}

TEST_F(WriteBackTest, an_erased_entry_of_the_disk_is_erased_there) {
  Cache& cache = open("c", durable());
  const std::uint64_t empty_bytes = catalog_->memory_used();
  put(cache, "a", "1");
  done(take(), cache, 1);
  cache.erase("a", std::nullopt, kNow);
  EXPECT_EQ(cache.entries(), 0U);
  EXPECT_EQ(value(cache, "a"), "(none)");
  const Batch batch = take();
  EXPECT_FALSE(batch.items[0].record.has_value());
  EXPECT_EQ(batch.items[0].on_disk, OnDisk::kYes);
  done(batch, cache, 0);
  EXPECT_EQ(catalog_->memory_used(), empty_bytes);
}

TEST_F(WriteBackTest, the_same_value_and_deadline_dirty_nothing) {
  Cache& cache = open("c", durable());
  const Version version = put(cache, "a", "1", ttl(100));
  done(take(), cache, 1);
  EXPECT_GT(put(cache, "a", "1", ttl(100)), version);
  EXPECT_EQ(cache.dirty_sequence("a"), 0U);
  put(cache, "a", "1", ttl(101));
  EXPECT_NE(cache.dirty_sequence("a"), 0U);
}

TEST_F(WriteBackTest, touch_dirties_only_with_another_deadline) {
  Cache& cache = open("c", durable());
  put(cache, "a", "1", ttl(100));
  done(take(), cache, 1);
  cache.touch("a", {Ttl::Kind::kGiven, 100}, kNow);
  EXPECT_EQ(cache.dirty_sequence("a"), 0U);
  cache.touch("a", {Ttl::Kind::kGiven, 200}, kNow);
  EXPECT_NE(cache.dirty_sequence("a"), 0U);
}

TEST_F(WriteBackTest, a_version_ahead_of_the_disk_is_written_before_it_leaves_memory) {
  start({.memory_bytes_max = kMiB});
  Cache& cache = open("c", durable());
  Cache& crowd = open("crowd", Settings{});
  put(cache, "a", large(100'000));
  done(take(), cache, 1);
  const Version version = put(cache, "a", large(100'000));
  EXPECT_EQ(cache.dirty().entries, 0U);
  for (int i = 0; i < 20; ++i) put(crowd, std::to_string(i), large(100'000));
  const Batch batch = take();
  EXPECT_EQ(batch.items[0].record->version, version);
}

TEST_F(WriteBackTest, clean_entries_leave_memory_without_being_counted_or_told) {
  start({.memory_bytes_max = kMiB});
  Cache& cache = open("c", durable());
  put(cache, "a", large(100'000));
  done(take(), cache, 1);
  told_.clear();
  std::uint64_t more = 0;
  while (more < 20 && !is<Cold>(cache.find("a", kNow)))
    put(cache, "b" + std::to_string(more++), large(100'000));
  EXPECT_TRUE(is<Cold>(cache.find("a", kNow)));
  EXPECT_EQ(times("a", Change::kEvicted), 0);
  EXPECT_EQ(cache.stats().evictions, 0U);
  EXPECT_EQ(cache.entries(), 1 + more);
}

TEST_F(WriteBackTest, dirty_entries_are_pinned) {
  start({.memory_bytes_max = kMiB});
  Cache& cache = open("c", durable());
  const std::string value = large(100'000);
  std::uint64_t dirty = 0;
  while (dirty < 20 && is<Written>(cache.put("a" + std::to_string(dirty), value, {}, kNow))) ++dirty;
  EXPECT_EQ(cache.dirty().entries, dirty);
  EXPECT_TRUE(is<DirtyFull>(cache.put("b", value, {}, kNow)));
  const Batch batch = take();
  EXPECT_TRUE(is<DirtyFull>(cache.put("b", value, {}, kNow)));
  done(batch, cache, batch.items.size());
  EXPECT_TRUE(is<Written>(cache.put("b", value, {}, kNow)));
}

TEST_F(WriteBackTest, dirty_bytes_have_a_limit) {
  start({.dirty_bytes_max = 10'000});
  Cache& cache = open("c", durable());
  put(cache, "a", std::string(20'000, 'x'));
  const auto full = std::get<DirtyFull>(cache.put("b", "y", {}, kNow));
  EXPECT_EQ(full.limit_bytes, 10'000U);
  EXPECT_TRUE(is<Written>(cache.put("a", "smaller", {}, kNow)));
  EXPECT_TRUE(is<Written>(cache.put("b", "y", {}, kNow)));
}

TEST_F(WriteBackTest, what_may_be_on_disk_is_cold_until_it_is_loaded) {
  Cache& cache = open_cold("c", 2);
  EXPECT_TRUE(is<Cold>(cache.get("a", kNow)));
  EXPECT_TRUE(is<Cold>(cache.erase("a", std::nullopt, kNow)));
  EXPECT_TRUE(is<Cold>(cache.touch("a", {}, kNow)));
  EXPECT_TRUE(is<Cold>(cache.put("a", "v", only_if({Condition::Kind::kAbsent}), kNow)));
  EXPECT_EQ(cache.stats().misses, 0U);
  EXPECT_TRUE(cache.loaded("a", record("v"), kNow));
  EXPECT_EQ(value(cache, "a"), "v");
  EXPECT_TRUE(cache.loaded("b", Absent{}, kNow));
  EXPECT_TRUE(is<Miss>(cache.get("b", kNow)));
  cache.release_loaded("a");
  cache.release_loaded("b");
  EXPECT_EQ(value(cache, "a"), "v");
  EXPECT_TRUE(is<Cold>(cache.get("b", kNow)));
}

TEST_F(WriteBackTest, an_unconditional_put_is_never_cold_and_wins_over_a_load) {
  Cache& cache = open_cold("c", 2);
  put(cache, "a", "new");
  EXPECT_TRUE(cache.loaded("a", record("old"), kNow));
  EXPECT_EQ(value(cache, "a"), "new");
  EXPECT_EQ(take().items[0].on_disk, OnDisk::kUnknown);
}

TEST_F(WriteBackTest, an_empty_disk_needs_no_load) {
  Cache& cache = open_cold("c", 0);
  EXPECT_TRUE(is<Miss>(cache.get("a", kNow)));
  EXPECT_TRUE(is<Written>(cache.put("a", "v", only_if({Condition::Kind::kAbsent}), kNow)));
  EXPECT_EQ(take().items[0].on_disk, OnDisk::kNo);
}

TEST_F(WriteBackTest, other_keys_are_absent_while_memory_knows_of_all_that_is_on_disk) {
  Cache& cache = open("c", durable());
  put(cache, "a", "v");
  put(cache, "b", "v");
  done(take(), cache, 2);
  EXPECT_TRUE(is<Miss>(cache.get("c", kNow)));
  put(cache, "c", "v");
  const Batch batch = take();
  EXPECT_EQ(batch.items[0].on_disk, OnDisk::kNo);
  EXPECT_TRUE(is<Miss>(cache.get("d", kNow))) << "c is in flight";
  done(batch, cache, 3);
  EXPECT_TRUE(std::get<Erased>(cache.erase("a", std::nullopt, kNow)).was_live);
  EXPECT_TRUE(is<Miss>(cache.get("d", kNow))) << "of a there is a tombstone";
  done(take(), cache, 2);
  EXPECT_TRUE(is<Miss>(cache.get("a", kNow)));
  cache.set_disk_entries(3);
  EXPECT_TRUE(is<Cold>(cache.get("d", kNow))) << "there is one that memory does not know";
}

TEST_F(WriteBackTest, other_keys_may_be_on_disk_while_a_clear_is_under_way) {
  Cache& cache = open("c", durable());
  put(cache, "a", "v");
  done(take(), cache, 1);
  const ClearId clear = cache.clear_begin("a", kNow);
  EXPECT_TRUE(is<Cold>(cache.get("b", kNow)));
  while (cache.clear_step(clear, 10)) {
  }
  EXPECT_TRUE(is<Cold>(cache.get("b", kNow)));
  cache.set_disk_entries(0);
  cache.clear_end(clear, 1, kNow);
  EXPECT_TRUE(is<Miss>(cache.get("b", kNow)));
}

TEST_F(WriteBackTest, what_was_loaded_stays_until_it_is_released) {
  start({.memory_bytes_max = kMiB});
  Cache& cache = open_cold("c", 100);
  const Record large_record = record(large(100'000));
  int held = 0;
  while (held < 20 && cache.loaded("a" + std::to_string(held), large_record, kNow)) ++held;
  EXPECT_FALSE(cache.loaded("b", large_record, kNow));
  for (int i = 0; i < held; ++i) EXPECT_NE(value(cache, "a" + std::to_string(i)), "(none)");
  cache.release_loaded("a0");
  EXPECT_TRUE(cache.loaded("b", large_record, kNow));
  EXPECT_TRUE(is<Cold>(cache.find("a0", kNow)));
}

TEST_F(WriteBackTest, a_record_that_has_expired_is_noticed_when_it_is_loaded) {
  Cache& cache = open_cold("c", 1);
  EXPECT_TRUE(cache.loaded("a", record("v", kNow - 1), kNow));
  EXPECT_TRUE(is<Miss>(cache.get("a", kNow)));
  cache.release_loaded("a");
  EXPECT_EQ(cache.stats().expirations, 1U);
  EXPECT_EQ(times("a", Change::kExpired), 1);
  EXPECT_FALSE(take().items[0].record.has_value());
}

TEST_F(WriteBackTest, a_record_in_its_stale_window_is_loaded_as_stale) {
  Cache& cache = open_cold("c", 1);
  EXPECT_TRUE(cache.loaded("a", record("v", kNow - 1, 10), kNow));
  EXPECT_TRUE(is<Stale>(cache.get_or_stale("a", kNow)));
  cache.release_loaded("a");
  catalog_->step(kNow + 9, 1'000);
  EXPECT_EQ(cache.stats().expirations, 1U);
  EXPECT_FALSE(take().items[0].record.has_value());
}

TEST_F(WriteBackTest, expiry_in_memory_erases_on_disk) {
  Cache& cache = open("c", durable());
  put(cache, "a", "v", ttl(10));
  done(take(), cache, 1);
  catalog_->step(kNow + 10, 1'000);
  EXPECT_EQ(cache.entries(), 0U);
  EXPECT_FALSE(take().items[0].record.has_value());
}

TEST_F(WriteBackTest, a_dropped_cache_waits_for_no_batch) {
  Cache& cache = open("c", durable());
  put(cache, "a", "v");
  const Batch batch = take();
  put(cache, "b", "v");
  catalog_->drop("c");
  EXPECT_EQ(write_back().totals().entries, 0U);
  write_back().batch_done(batch, {});
  EXPECT_EQ(write_back().clean_through(), write_back().sequence_last());
  EXPECT_EQ(write_back().take_batch({}), std::nullopt);
}

TEST_F(WriteBackTest, a_load_that_outlives_a_clear_brings_nothing_back) {
  Cache& cache = open_cold("c", 2);
  catalog_->take_version();
  const ClearId clear = cache.clear_begin("a", kNow);
  EXPECT_TRUE(cache.loaded("a1", record("old"), kNow));
  EXPECT_EQ(value(cache, "a1"), "(none)");
  cache.release_loaded("a1");
  while (cache.clear_step(clear, 10)) {
  }
  EXPECT_EQ(cache.clear_end(clear, 2, kNow), 2U);
  EXPECT_TRUE(cache.loaded("a2", record("old"), kNow));
  EXPECT_EQ(value(cache, "a2"), "(none)");
  EXPECT_TRUE(cache.loaded("b", record("other"), kNow));
  EXPECT_EQ(value(cache, "b"), "other");
  for (const char* key : {"a2", "b"}) cache.release_loaded(key);
}

TEST_F(WriteBackTest, an_erase_is_written_although_a_clear_is_under_way) {
  Cache& cache = open("c", durable());
  put(cache, "a", "v");
  done(take(), cache, 1);
  cache.clear_begin("", kNow);
  EXPECT_FALSE(std::get<Erased>(cache.erase("a", std::nullopt, kNow)).was_live);
  EXPECT_NE(cache.dirty_sequence("a"), 0U);
}

TEST_F(WriteBackTest, a_walk_shows_what_is_dirty_and_the_scan_the_rest) {
  Cache& cache = open("c", durable());
  put(cache, "clean", "v");
  put(cache, "erased", "v");
  done(take(), cache, 2);
  cache.erase("erased", std::nullopt, kNow);
  put(cache, "dirty", "v");
  std::vector<std::string> keys;
  cache.walk({}, "", 10, 1'000, kNow, keys);
  EXPECT_EQ(keys, std::vector<std::string>{"dirty"});
  EXPECT_TRUE(cache.shows_scanned({"clean", 1, kNever}, kNow));
  EXPECT_FALSE(cache.shows_scanned({"erased", 2, kNever}, kNow));
  EXPECT_TRUE(cache.shows_scanned({"cold", 1, kNever}, kNow));
  EXPECT_FALSE(cache.shows_scanned({"dead", 1, kNow}, kNow));
}

}  // namespace
}  // namespace pannier::storage
