#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>
#include <map>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

#include "storage/record.h"
#include "tests/storage/leveldb_store_fixture.h"

namespace pannier::storage {
namespace {

// -- what is written is read back

TEST_F(LevelDbStoreTest, a_new_store_is_empty) {
  EXPECT_TRUE(definitions().empty());
  EXPECT_TRUE(std::get<0>(store_->unfinished_drops()).empty());
  EXPECT_EQ(std::get<Version>(store_->reserved_versions()), 0);
  EXPECT_EQ(value(1, "k"), "(absent)");
}

TEST_F(LevelDbStoreTest, a_record_survives_with_all_its_fields) {
  define(7, "sessions");
  write({put_item(7, "k", {"value", 42, 1'700'000'000'000, 5'000})});
  open();
  const auto record = load(7, "k");
  ASSERT_TRUE(record);
  EXPECT_EQ(record->value, "value");
  EXPECT_EQ(record->version, 42);
  EXPECT_EQ(record->deadline, 1'700'000'000'000);
  EXPECT_EQ(record->stale_ms, 5'000);
}

TEST_F(LevelDbStoreTest, keys_and_values_of_any_bytes_and_size_survive) {
  define(1, "c");
  const std::string long_key(65'535, '\xff');
  const std::string zeros("\0\0", 2);
  const std::string large(std::size_t{20} << 20, 'x');
  write({put_item(1, long_key, {zeros, 1}), put_item(1, zeros, {large, 2}), put_item(1, "e", {"", 3})});
  open();
  EXPECT_EQ(value(1, long_key), zeros);
  EXPECT_EQ(value(1, zeros), large);
  EXPECT_EQ(value(1, "e"), "");
}

TEST_F(LevelDbStoreTest, definitions_survive_with_their_settings) {
  Settings settings = durable();
  settings.age_ms_max = 60'000;
  settings.stale_ms = 10;
  ASSERT_FALSE(store_->define(3, "a", settings));
  define(4, "b");
  open();
  ASSERT_EQ(definitions().size(), 2);
  EXPECT_EQ(definitions()[0].id, 3);
  EXPECT_EQ(definitions()[0].name, "a");
  EXPECT_EQ(definitions()[0].settings, settings);
  EXPECT_EQ(definitions()[1].name, "b");
}

TEST_F(LevelDbStoreTest, defining_anew_keeps_the_records) {
  define(3, "a");
  write({put_item(3, "k", {"v", 1})});
  Settings settings = durable();
  settings.age_ms_max = 1;
  ASSERT_FALSE(store_->define(3, "a", settings));
  open();
  EXPECT_EQ(definitions()[0].settings, settings);
  EXPECT_EQ(disk_entries(3), 1);
  EXPECT_EQ(value(3, "k"), "v");
}

TEST_F(LevelDbStoreTest, a_definition_takes_its_name_from_another_cache) {
  define(3, "a");
  define(4, "a");
  EXPECT_EQ(std::get<0>(store_->unfinished_drops()), std::vector<CacheId>{3});
  open();
  ASSERT_EQ(definitions().size(), 1);
  EXPECT_EQ(definitions()[0].id, 4);
  EXPECT_EQ(std::get<0>(store_->unfinished_drops()), std::vector<CacheId>{3});
}

TEST_F(LevelDbStoreTest, reserved_versions_survive_and_can_be_lowered) {
  ASSERT_FALSE(store_->reserve_versions(1 << 28));
  open();
  EXPECT_EQ(std::get<Version>(store_->reserved_versions()), 1 << 28);
  ASSERT_FALSE(store_->reserve_versions(1'000));
  open();
  EXPECT_EQ(std::get<Version>(store_->reserved_versions()), 1'000);
}

// -- numbers of records

TEST_F(LevelDbStoreTest, an_identity_is_drawn_once_and_no_other_store_has_it) {
  const std::string mine = identity();
  EXPECT_EQ(mine.size(), 32);
  EXPECT_EQ(mine.find_first_not_of("0123456789abcdef"), std::string::npos);
  open();
  EXPECT_EQ(identity(), mine);
  ASSERT_FALSE(store_->reopen());
  EXPECT_EQ(identity(), mine);
  open_a_copy_of_the_files();
  EXPECT_EQ(identity(), mine);
  ASSERT_FALSE(try_open(dir_.file("other")));
  EXPECT_NE(identity(), mine);
}

TEST_F(LevelDbStoreTest, a_database_that_was_made_without_an_identity_gets_one) {
  define(3, "a");
  with_raw_database([](leveldb::DB& raw) { ASSERT_TRUE(raw.Delete({}, identity_key()).ok()); });
  open();
  const std::string given = identity();
  EXPECT_EQ(given.size(), 32);
  EXPECT_EQ(definitions().size(), 1);
  open();
  EXPECT_EQ(identity(), given);
}

TEST_F(LevelDbStoreTest, records_are_counted_exactly_whatever_is_known_about_them) {
  define(1, "a");
  define(2, "b");
  const Wrote first = write(
      {put_item(1, "x", {"v", 1}, OnDisk::kNo), put_item(1, "y", {"v", 2}), put_item(2, "x", {"v", 3})});
  ASSERT_EQ(first.counts.size(), 2);
  EXPECT_EQ(first.counts[0].cache, 1);
  EXPECT_EQ(first.counts[0].disk_entries, 2);
  EXPECT_EQ(first.counts[1].disk_entries, 1);
  write({put_item(1, "x", {"w", 4}), put_item(1, "y", {"w", 5}, OnDisk::kYes)});
  EXPECT_EQ(disk_entries(1), 2);
  write({erase_item(1, "x"), erase_item(1, "z"), erase_item(2, "x", OnDisk::kYes),
         erase_item(2, "y", OnDisk::kNo)});
  EXPECT_EQ(disk_entries(1), 1);
  EXPECT_EQ(disk_entries(2), 0);
  open();
  EXPECT_EQ(disk_entries(1), 1);
  EXPECT_EQ(disk_entries(2), 0);
}

TEST_F(LevelDbStoreTest, items_of_a_cache_without_a_definition_are_left_out) {
  define(1, "a");
  const Wrote wrote = write({put_item(1, "k", {"v", 1}), put_item(9, "k", {"v", 2})});
  ASSERT_EQ(wrote.counts.size(), 1);
  EXPECT_EQ(value(9, "k"), "(absent)");
  EXPECT_TRUE(write({put_item(9, "k", {"v", 2})}).counts.empty());
}

TEST_F(LevelDbStoreTest, a_wrong_number_of_records_does_not_keep_them_from_being_erased) {
  define(1, "a");
  write({put_item(1, "x", {"v", 1}), put_item(1, "y", {"v", 2})});
  write({erase_item(1, "z", OnDisk::kYes)});
  EXPECT_EQ(disk_entries(1), 1);
  const auto erased = std::get<ErasedSome>(store_->erase_some({1, "", "", kVersionMax, 0}, 10));
  EXPECT_EQ(erased.erased_live, 2);
  EXPECT_EQ(disk_entries(1), 0);
}

// -- scans

TEST_F(LevelDbStoreTest, a_scan_sees_one_cache_in_key_order) {
  define(1, "a");
  define(2, "b");
  write({put_item(1, "b", {"v", 1, 100}), put_item(1, "a", {"v", 2}), put_item(2, "c", {"v", 3}),
         put_item(1, "\xff", {"v", 4})});
  const auto scanned = std::get<Scanned>(store_->scan(1, "", "", kAllKeys));
  ASSERT_EQ(scanned.keys.size(), 3);
  EXPECT_EQ(scanned.keys[0].key, "a");
  EXPECT_EQ(scanned.keys[0].deadline, kNever);
  EXPECT_EQ(scanned.keys[1].key, "b");
  EXPECT_EQ(scanned.keys[1].version, 1);
  EXPECT_EQ(scanned.keys[1].deadline, 100);
  EXPECT_FALSE(scanned.next_key);
}

TEST_F(LevelDbStoreTest, a_scan_in_pieces_sees_every_key_of_the_prefix_once) {
  define(1, "a");
  std::vector<BatchItem> items{put_item(1, "o", {"v", 1}), put_item(1, "q", {"v", 1})};
  std::vector<std::string> expected;
  for (int number = 100; number < 200; ++number) {
    expected.push_back("p" + std::to_string(number));
    items.push_back(put_item(1, expected.back(), {"v", 1}));
  }
  write(items);
  std::vector<std::string> seen;
  std::optional<std::string> next = "";
  while (next) {
    const auto scanned = std::get<Scanned>(store_->scan(1, "p", *next, 7));
    EXPECT_LE(scanned.keys.size(), 7);
    for (const ScannedKey& key : scanned.keys) seen.push_back(key.key);
    next = scanned.next_key;
  }
  EXPECT_EQ(seen, expected);
}

TEST_F(LevelDbStoreTest, a_scan_answers_about_a_mebibyte_of_keys_at_most) {
  define(1, "a");
  for (int number = 100; number < 140; ++number) {
    write({put_item(1, std::to_string(number) + std::string(60'000, 'k'), {"v", 1})});
  }
  const auto scanned = std::get<Scanned>(store_->scan(1, "", "", kAllKeys));
  EXPECT_EQ(scanned.keys.size(), 18);
  ASSERT_TRUE(scanned.next_key);
  EXPECT_EQ(scanned.next_key->substr(0, 3), "118");
}

// -- erasing ranges

TEST_F(LevelDbStoreTest, erasing_goes_in_steps_over_the_prefix_alone) {
  define(1, "a");
  define(2, "b");
  std::vector<BatchItem> items{put_item(1, "o", {"v", 1}), put_item(1, "q", {"v", 1}),
                               put_item(2, "p1", {"v", 1})};
  for (int number = 10; number < 30; ++number)
    items.push_back(put_item(1, "p" + std::to_string(number), {"v", 1}));
  write(items);
  EraseRange range{1, "p", "", kVersionMax, 0};
  std::uint64_t erased = 0;
  int steps = 0;
  for (std::optional<std::string> next = ""; next; ++steps) {
    range.from_key = *next;
    const auto some = std::get<ErasedSome>(store_->erase_some(range, 6));
    erased += some.erased_live;
    next = some.next_key;
    EXPECT_EQ(some.disk_entries, disk_entries(1));
  }
  EXPECT_EQ(erased, 20);
  EXPECT_EQ(steps, 4);
  open();
  EXPECT_EQ(keys(1), (std::vector<std::string>{"o", "q"}));
  EXPECT_EQ(keys(2), std::vector<std::string>{"p1"});
  EXPECT_EQ(disk_entries(1), 2);
}

TEST_F(LevelDbStoreTest, erasing_spares_newer_versions_and_counts_live_records_alone) {
  define(1, "a");
  write({put_item(1, "expired", {"v", 1, 999}), put_item(1, "live", {"v", 2, 1'000}),
         put_item(1, "endless", {"v", 3}), put_item(1, "newer", {"v", 4})});
  const auto erased = std::get<ErasedSome>(store_->erase_some({1, "", "", 3, 999}, 10));
  EXPECT_EQ(erased.erased_live, 2);
  EXPECT_EQ(erased.disk_entries, 1);
  EXPECT_FALSE(erased.next_key);
  EXPECT_EQ(keys(1), std::vector<std::string>{"newer"});
}

TEST_F(LevelDbStoreTest, spared_records_count_as_steps) {
  define(1, "a");
  write({put_item(1, "a", {"v", 9}), put_item(1, "b", {"v", 9}), put_item(1, "c", {"v", 1})});
  const auto erased = std::get<ErasedSome>(store_->erase_some({1, "", "", 5, 0}, 2));
  EXPECT_EQ(erased.erased_live, 0);
  EXPECT_EQ(erased.next_key, "c");
}

TEST_F(LevelDbStoreTest, a_drop_goes_on_after_a_restart) {
  define(1, "a");
  write({put_item(1, "x", {"v", 1}), put_item(1, "y", {"v", 1})});
  ASSERT_FALSE(store_->begin_drop(1));
  EXPECT_TRUE(definitions().empty());
  EXPECT_TRUE(write({put_item(1, "z", {"v", 1})}).counts.empty());
  open();
  EXPECT_TRUE(definitions().empty());
  ASSERT_EQ(std::get<0>(store_->unfinished_drops()), std::vector<CacheId>{1});
  EXPECT_EQ(std::get<ErasedSome>(store_->erase_some({1, "", "", kVersionMax, 0}, 1)).next_key, "y");
  EXPECT_EQ(std::get<ErasedSome>(store_->erase_some({1, "", "y", kVersionMax, 0}, 1)).next_key, std::nullopt);
  ASSERT_FALSE(store_->end_drop(1));
  open();
  EXPECT_TRUE(std::get<0>(store_->unfinished_drops()).empty());
  EXPECT_TRUE(keys(1).empty());
}

TEST_F(LevelDbStoreTest, erasing_from_an_unknown_cache_is_done_at_once) {
  const auto erased = std::get<ErasedSome>(store_->erase_some({9, "", "", kVersionMax, 0}, 10));
  EXPECT_EQ(erased.disk_entries, 0);
  EXPECT_FALSE(erased.next_key);
}

TEST_F(LevelDbStoreTest, ten_thousand_random_changes_agree_with_a_map) {
  std::mt19937 random(7);
  std::map<CacheId, std::map<std::string, std::string>> model;
  for (const CacheId cache : {1, 2, 3}) {
    define(cache, std::to_string(cache));
    model[cache];
  }
  for (int step = 0; step < 250; ++step) {
    std::map<std::pair<CacheId, std::string>, BatchItem> batch;
    for (int item = 0; item < 40; ++item) {
      const auto cache = static_cast<CacheId>(1 + random() % 3);
      const std::string key = std::to_string(random() % 500);
      const OnDisk known = random() % 2                 ? OnDisk::kUnknown
                           : model[cache].contains(key) ? OnDisk::kYes
                                                        : OnDisk::kNo;
      const std::string bytes(random() % 500, static_cast<char>('a' + random() % 26));
      batch.insert_or_assign({cache, key}, random() % 3 ? put_item(cache, key, {bytes, 1}, known)
                                                        : erase_item(cache, key, known));
    }
    std::vector<BatchItem> items;
    for (const auto& [at, item] : batch) items.push_back(item);
    env_.fails_syncs = random() % 20 == 0;
    if (std::holds_alternative<StoreError>(try_write(items))) {
      env_.fails_syncs = false;
      ASSERT_FALSE(store_->reopen());
      for (BatchItem& item : items) item.on_disk = OnDisk::kUnknown;
      write(items);
    }
    for (const BatchItem& item : items) {
      if (item.record) model[item.cache][item.key] = item.record->value;
      if (!item.record) model[item.cache].erase(item.key);
    }
    if (random() % 50 == 0) open();
  }
  for (const auto& [cache, entries] : model) {
    EXPECT_EQ(disk_entries(cache), entries.size());
    EXPECT_EQ(keys(cache).size(), entries.size());
    for (const auto& [key, bytes] : entries) EXPECT_EQ(value(cache, key), bytes);
  }
}

TEST_F(LevelDbStoreTest, an_image_shows_what_was_there_when_it_was_opened) {
  define(1, "a");
  write({put_item(1, "k", {"old", 1, 500, 7}), put_item(1, "gone", {"v", 2})});
  const auto image = std::get<0>(store_->open_image());
  write({put_item(1, "k", {"new", 3}), erase_item(1, "gone"), put_item(1, "later", {"v", 4})});
  const auto piece = std::get<ImagePiece>(image->read(1, "", 1'000'000));
  ASSERT_EQ(piece.records.size(), 2);
  EXPECT_EQ(piece.records[0].key, "gone");
  EXPECT_EQ(piece.records[1].record.value, "old");
  EXPECT_EQ(piece.records[1].record.version, 1);
  EXPECT_EQ(piece.records[1].record.deadline, 500);
  EXPECT_EQ(piece.records[1].record.stale_ms, 7);
  EXPECT_FALSE(piece.next_key);
}

TEST_F(LevelDbStoreTest, a_rest_has_something_to_do_where_much_is_in_the_log_alone) {
  const auto goes_on = [this] { return std::get<Rested>(store_->rest()).goes_on; };
  const std::string much(std::size_t{5} << 20, 'v');
  define(1, "a");
  write({put_item(1, "little", {"v", 1})});
  EXPECT_FALSE(goes_on());
  write({put_item(1, "much", {much, 2})});
  EXPECT_TRUE(goes_on());
  while (goes_on()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  EXPECT_FALSE(goes_on());
  open_a_copy_of_the_files();
  EXPECT_EQ(value(1, "little"), "v");
  EXPECT_EQ(value(1, "much"), much);
}

TEST_F(LevelDbStoreTest, an_image_is_read_in_pieces_of_about_so_many_bytes) {
  define(1, "a");
  define(2, "b");
  std::vector<BatchItem> items{put_item(2, "other", {"v", 1})};
  for (int i = 100; i < 200; ++i)
    items.push_back(put_item(1, std::to_string(i), {std::string(1'000, 'x'), 1}));
  write(items);
  const auto image = std::get<0>(store_->open_image());
  std::optional<std::string> from = "";
  int pieces = 0;
  std::size_t records = 0;
  for (; from; ++pieces) {
    const auto piece = std::get<ImagePiece>(image->read(1, *from, 10'000));
    records += piece.records.size();
    from = piece.next_key;
  }
  EXPECT_EQ(records, 100);
  EXPECT_GE(pieces, 10);
  EXPECT_EQ(std::get<ImagePiece>(image->read(1, "", 1)).records.size(), 1);
}

}  // namespace
}  // namespace pannier::storage
