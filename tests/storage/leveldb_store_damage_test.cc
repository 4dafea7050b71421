// What walks over a damaged LevelDbStore give: all that can be read, never an older state, and word of the
// rest.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <leveldb/db.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <random>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "storage/record.h"
#include "tests/storage/leveldb_store_fixture.h"

namespace pannier::storage {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr int kKeys = 100;
constexpr std::uint64_t kEverything = std::uint64_t{1} << 30;

std::string key_of(int number) { return "k" + std::to_string(100 + number); }

class LevelDbStoreDamage : public LevelDbStoreTest {
 protected:
  /// Of values that do not shrink, so that there are a few of them in a block of a table.
  std::string noise() {
    std::string value(1'000, '\0');
    std::generate(value.begin(), value.end(), [this] { return static_cast<char>(random_()); });
    return value;
  }

  void damage_record(CacheId cache, const std::string& key) {
    with_raw_database([&](leveldb::DB& raw) { raw.Put({}, record_key(cache, key), "damaged"); });
    open();
  }

  std::filesystem::path path_of_newest_table() const {
    std::filesystem::path newest;
    for (const auto& file : std::filesystem::directory_iterator(path())) {
      if (file.path().extension() == ".ldb") newest = std::max(newest, file.path());
    }
    return newest;
  }

  /// What was written last goes into a table of its own, of which a block is damaged.
  void damage_newest_table() {
    with_raw_database([](leveldb::DB&) {});
    std::fstream table(path_of_newest_table(), std::ios::in | std::ios::out | std::ios::binary);
    table.seekp(20'000);
    table.write("\x55\xaa\x55\xaa", 4);
    table.close();
    open();
  }

  /// All of a cache, in pieces.
  ImagePiece image_of(CacheId cache, std::uint64_t bytes_max) {
    const auto image = std::get<0>(store_->open_image());
    ImagePiece whole;
    for (std::optional<std::string> from = ""; from;) {
      ImagePiece piece = std::get<ImagePiece>(image->read(cache, *from, bytes_max));
      std::ranges::move(piece.records, std::back_inserter(whole.records));
      std::ranges::move(piece.unreadable, std::back_inserter(whole.unreadable));
      from = piece.next_key;
    }
    return whole;
  }

  std::mt19937 random_{1};
};

std::vector<std::string> keys_in(const ImagePiece& piece) {
  std::vector<std::string> keys;
  for (const ImageRecord& found : piece.records) keys.push_back(found.key);
  return keys;
}

TEST_F(LevelDbStoreDamage, an_image_goes_past_damaged_records_and_names_them) {
  define(1, "a");
  write({put_item(1, "a", {"v", 1}), put_item(1, "b", {"v", 2}), put_item(1, "c", {"v", 3})});
  damage_record(1, "b");
  const ImagePiece piece = image_of(1, kEverything);
  EXPECT_THAT(keys_in(piece), ElementsAre("a", "c"));
  ASSERT_EQ(piece.unreadable.size(), 1);
  EXPECT_EQ(piece.unreadable[0].key, "b");
  EXPECT_THAT(piece.unreadable[0].error.text, HasSubstr("cache 1, key \"b\", is cut short"));
  EXPECT_EQ(std::get<0>(store_->open_image())->disk_entries(1), 3) << "damaged ones count";
}

TEST_F(LevelDbStoreDamage, pieces_of_damaged_records_alone_end_too) {
  define(1, "a");
  write({put_item(1, "a", {"v", 1}), put_item(1, "b", {"v", 2})});
  damage_record(1, "a");
  damage_record(1, "b");
  const auto image = std::get<0>(store_->open_image());
  const ImagePiece first = std::get<ImagePiece>(image->read(1, "", 1));
  EXPECT_TRUE(first.records.empty());
  EXPECT_EQ(first.unreadable.size(), 1);
  EXPECT_EQ(first.next_key, "b");
}

TEST_F(LevelDbStoreDamage, a_scan_goes_past_damage_and_counts_it_as_a_step) {
  define(1, "a");
  write({put_item(1, "a", {"v", 1}), put_item(1, "b", {"v", 2}), put_item(1, "c", {"v", 3})});
  damage_record(1, "a");
  EXPECT_THAT(keys(1), ElementsAre("b", "c"));
  const Scanned scanned = std::get<Scanned>(store_->scan(1, "", "", 2));
  EXPECT_EQ(scanned.keys.size(), 1);
  EXPECT_EQ(scanned.next_key, "c");
  ASSERT_TRUE(scanned.unreadable);
  EXPECT_THAT(scanned.unreadable->text, HasSubstr("cache 1, key \"a\", is cut short"));
  EXPECT_FALSE(std::get<Scanned>(store_->scan(1, "", "b", 2)).unreadable);
}

TEST_F(LevelDbStoreDamage, what_a_damaged_block_hides_is_missed_and_its_neighbors_are_not) {
  define(1, "a");
  std::vector<BatchItem> items;
  for (int number = 0; number < kKeys; ++number) items.push_back(put_item(1, key_of(number), {noise(), 1}));
  write(items);
  damage_newest_table();
  const ImagePiece piece = image_of(1, kEverything);
  EXPECT_LT(piece.records.size(), kKeys);
  EXPECT_GE(piece.records.size(), kKeys - 10);
  ASSERT_EQ(piece.unreadable.size(), 1);
  EXPECT_FALSE(piece.unreadable[0].key) << "nobody knows";
  EXPECT_THAT(piece.unreadable[0].error.text, HasSubstr("cannot read records of cache 1 around key \"k1"));
  EXPECT_EQ(keys_in(image_of(1, 3'000)), keys_in(piece)) << "in whatever pieces";
  EXPECT_EQ(keys(1), keys_in(piece));
}

TEST_F(LevelDbStoreDamage, no_older_record_comes_to_light_where_the_newest_cannot_be_read) {
  define(1, "a");
  std::vector<BatchItem> items;
  for (int number = 0; number < kKeys; ++number) items.push_back(put_item(1, key_of(number), {"old", 1}));
  write(items);
  with_raw_database([](leveldb::DB& raw) { raw.CompactRange(nullptr, nullptr); });
  open();
  items.clear();
  std::set<std::string> erased;
  for (int number = 0; number < kKeys; ++number) {
    const std::string key = key_of(number);
    const bool is_erased = number % 3 == 0;
    items.push_back(is_erased ? erase_item(1, key) : put_item(1, key, {noise(), 2}));
    if (is_erased) erased.insert(key);
  }
  write(items);
  damage_newest_table();
  const std::uint64_t there = disk_entries(1);
  for (const std::uint64_t bytes_max : {kEverything, std::uint64_t{3'000}}) {
    const ImagePiece piece = image_of(1, bytes_max);
    for (const ImageRecord& found : piece.records) {
      EXPECT_EQ(found.record.version, 2) << found.key;
      EXPECT_FALSE(erased.contains(found.key)) << found.key;
    }
    EXPECT_LT(piece.records.size(), there);
    EXPECT_GE(piece.records.size(), there - 10);
    EXPECT_EQ(keys(1), keys_in(piece));
    const auto named = std::ranges::count_if(
        piece.unreadable, [](const Unreadable& unreadable) { return unreadable.key.has_value(); });
    EXPECT_GE(named, static_cast<std::ptrdiff_t>(there - piece.records.size()))
        << "the older ones tell the keys";
  }
}

TEST_F(LevelDbStoreDamage, what_is_written_over_a_block_that_cannot_be_read_is_there_and_counts_as_new) {
  define(1, "a");
  std::vector<BatchItem> items;
  for (int number = 0; number < kKeys; ++number) items.push_back(put_item(1, key_of(number), {noise(), 1}));
  write(items);
  damage_newest_table();
  items.clear();
  for (int number = 0; number < kKeys; ++number) items.push_back(put_item(1, key_of(number), {"w", 2}));
  const Wrote wrote = write(items);
  ASSERT_TRUE(wrote.unreadable);
  EXPECT_THAT(wrote.unreadable->text, HasSubstr("Corruption"));
  EXPECT_GT(disk_entries(1), kKeys);
  EXPECT_LE(disk_entries(1), kKeys + 10);
  for (int number = 0; number < kKeys; ++number) EXPECT_EQ(value(1, key_of(number)), "w");
  EXPECT_FALSE(write(items).unreadable) << "what lies above it is found";
}

TEST_F(LevelDbStoreDamage, erasing_goes_around_what_cannot_be_read_and_leaves_what_it_hides) {
  define(1, "a");
  std::vector<BatchItem> items;
  for (int number = 0; number < kKeys; ++number) items.push_back(put_item(1, key_of(number), {"old", 1}));
  write(items);
  with_raw_database([](leveldb::DB& raw) { raw.CompactRange(nullptr, nullptr); });
  open();
  items.clear();
  for (int number = 0; number < kKeys; ++number) items.push_back(put_item(1, key_of(number), {noise(), 2}));
  write(items);
  with_raw_database([](leveldb::DB&) {});
  const auto newest = path_of_newest_table();
  std::filesystem::copy_file(newest, dir_.file("whole"));
  damage_newest_table();
  const auto erased = std::get<ErasedSome>(store_->erase_some({1, "", "", 1, 0}, kAllKeys));
  ASSERT_TRUE(erased.unreadable);
  EXPECT_EQ(erased.erased_live, 0) << "of the hidden keys only the old record is to be seen";
  const auto rest = std::get<ErasedSome>(store_->erase_some({1, "", "", kVersionMax, 0}, kAllKeys));
  EXPECT_TRUE(rest.unreadable);
  EXPECT_GE(rest.erased_live, kKeys - 10);
  EXPECT_EQ(rest.disk_entries, kKeys - rest.erased_live);
  store_.reset();
  std::filesystem::copy_file(dir_.file("whole"), newest, std::filesystem::copy_options::overwrite_existing);
  open();
  EXPECT_EQ(keys(1).size(), rest.disk_entries) << "once it can be read, the newest are there";
}

TEST_F(LevelDbStoreDamage, a_database_opens_with_damage_behind_erased_records) {
  define(1, "a");
  std::vector<BatchItem> items;
  for (int number = 0; number < kKeys; ++number) items.push_back(put_item(1, key_of(number), {noise(), 1}));
  write(items);
  damage_newest_table();
  items.clear();
  for (int number = 0; number < kKeys; ++number) items.push_back(erase_item(1, key_of(number), OnDisk::kYes));
  write(items);
  EXPECT_FALSE(try_open(path()));
}

TEST_F(LevelDbStoreDamage, a_key_of_a_table_that_is_missing_is_damaged_and_not_absent) {
  constexpr int kMany = 6'000;  // more than a table takes
  define(1, "a");
  std::vector<BatchItem> items;
  for (int number = 0; number < kMany; ++number)
    items.push_back(put_item(1, std::to_string(10'000 + number), {noise(), 1}));
  write(items);
  with_raw_database([](leveldb::DB& raw) { raw.CompactRange(nullptr, nullptr); });
  store_ = std::get<0>(LevelDbStore::open(path(), options_));  // which looks at the first table alone
  std::filesystem::rename(path_of_newest_table(), dir_.file("elsewhere"));
  const auto missing = store_->load(1, std::to_string(10'000 + kMany - 1));
  ASSERT_TRUE(std::holds_alternative<StoreError>(missing));
  EXPECT_THAT(std::get<StoreError>(missing).text, HasSubstr(".ldb: No such file"));
  EXPECT_TRUE(std::get<StoreError>(missing).is_damage);
  EXPECT_EQ(load(1, "10000")->version, 1);
  std::filesystem::rename(path(), dir_.file("all"));
  const auto gone = store_->load(1, std::to_string(10'000 + kMany - 1));
  EXPECT_THAT(std::get<StoreError>(gone).text, HasSubstr("it is gone ("));
  std::filesystem::rename(dir_.file("all"), path());
}

TEST_F(LevelDbStoreDamage, a_database_that_is_elsewhere_is_not_damaged) {
  define(1, "a");
  write({put_item(1, "k", {"v", 1})});
  damage_record(1, "k");
  const auto image = std::get<0>(store_->open_image());
  std::filesystem::rename(path(), dir_.file("elsewhere"));
  EXPECT_THAT(std::get<StoreError>(image->read(1, "", 1'000)).text, HasSubstr("it is gone ("));
  std::filesystem::rename(dir_.file("elsewhere"), path());
  EXPECT_EQ(std::get<ImagePiece>(image->read(1, "", 1'000)).unreadable.size(), 1);
}

}  // namespace
}  // namespace pannier::storage
