// LevelDbStore on disks that fail, are damaged, or lose what was not synced.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <leveldb/db.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <map>
#include <random>
#include <string>
#include <thread>
#include <variant>
#include <vector>

#include "storage/record.h"
#include "tests/storage/leveldb_store_fixture.h"

namespace pannier::storage {
namespace {

using ::testing::HasSubstr;

using LevelDbStoreFaults = LevelDbStoreTest;

// -- a disk that fails

TEST_F(LevelDbStoreFaults, every_writing_method_syncs_before_it_answers) {
  const auto syncs_of = [this](auto method) {
    const std::uint64_t before = env_.syncs;
    method();
    return env_.syncs - before;
  };
  EXPECT_GE(syncs_of([&] { define(1, "a"); }), 1);
  EXPECT_GE(syncs_of([&] { write({put_item(1, "k", {"v", 1})}); }), 1);
  EXPECT_GE(syncs_of([&] { store_->erase_some({1, "", "", kVersionMax, 0}, 10); }), 1);
  EXPECT_GE(syncs_of([&] { store_->reserve_versions(5); }), 1);
  EXPECT_GE(syncs_of([&] { store_->begin_drop(1); }), 1);
  EXPECT_GE(syncs_of([&] { store_->end_drop(1); }), 1);
}

TEST_F(LevelDbStoreFaults, a_write_is_not_answered_before_its_sync_has_ended_although_it_can_be_read) {
  define(1, "a");
  env_.hold_syncs();
  std::atomic<bool> is_answered = false;
  std::thread writer([&] {
    write({put_item(1, "k", {"v", 1})});
    is_answered = true;
  });
  while (value(1, "k") != "v") std::this_thread::yield();
  EXPECT_FALSE(is_answered);
  env_.release_syncs();
  writer.join();
  EXPECT_TRUE(is_answered);
}

TEST_F(LevelDbStoreFaults, a_failed_write_names_the_path_and_what_the_system_said) {
  define(1, "a");
  env_.fails_writes = true;
  const auto outcome = try_write({put_item(1, "k", {"v", 1})});
  ASSERT_TRUE(std::holds_alternative<StoreError>(outcome));
  EXPECT_THAT(std::get<StoreError>(outcome).text, HasSubstr("cannot write to the database " + path()));
  EXPECT_THAT(std::get<StoreError>(outcome).text, HasSubstr("No space left on device"));
}

TEST_F(LevelDbStoreFaults, after_a_failure_nothing_is_written_until_it_is_reopened) {
  define(1, "a");
  write({put_item(1, "old", {"v", 1})});
  env_.fails_writes = true;
  EXPECT_TRUE(std::holds_alternative<StoreError>(try_write({put_item(1, "k", {"v", 1})})));
  env_.fails_writes = false;
  const auto error = store_->define(2, "b", durable());
  ASSERT_TRUE(error);
  EXPECT_THAT(error->text, HasSubstr("No space left on device"));
  EXPECT_EQ(value(1, "old"), "v") << "reads go on";
  ASSERT_FALSE(store_->reopen());
  define(2, "b");
  write({put_item(1, "k", {"w", 2})});
  open();
  EXPECT_EQ(value(1, "old"), "v");
  EXPECT_EQ(value(1, "k"), "w");
  EXPECT_EQ(disk_entries(1), 2);
}

TEST_F(LevelDbStoreFaults, a_batch_whose_sync_failed_is_there_whole_or_not_at_all_and_can_be_repeated) {
  define(1, "a");
  env_.fails_syncs = true;
  const std::vector<BatchItem> items{put_item(1, "x", {"v", 1}), put_item(1, "y", {"v", 2})};
  EXPECT_TRUE(std::holds_alternative<StoreError>(try_write(items)));
  env_.fails_syncs = false;
  EXPECT_TRUE(std::holds_alternative<StoreError>(try_write(items))) << "it was not opened again";
  ASSERT_FALSE(store_->reopen());
  EXPECT_EQ(value(1, "x"), value(1, "y"));
  EXPECT_EQ(disk_entries(1), keys(1).size());
  write(items);
  EXPECT_EQ(disk_entries(1), 2);
}

TEST_F(LevelDbStoreFaults, reads_go_on_while_reopening_fails) {
  define(1, "a");
  write({put_item(1, "k", {"v", 1})});
  env_.fails_writes = true;
  EXPECT_TRUE(std::holds_alternative<StoreError>(try_write({put_item(1, "k", {"w", 2})})));
  const auto error = store_->reopen();
  ASSERT_TRUE(error);
  EXPECT_THAT(error->text, HasSubstr("cannot reopen the database " + path()));
  EXPECT_EQ(value(1, "k"), "v");
}

TEST_F(LevelDbStoreFaults, a_store_that_cannot_be_opened_again_answers_errors_until_it_can) {
  define(1, "a");
  write({put_item(1, "k", {"v", 1})});
  std::string manifest;
  for (const auto& file : std::filesystem::directory_iterator(path())) {
    if (file.path().filename().string().starts_with("MANIFEST-")) manifest = file.path();
  }
  std::filesystem::rename(manifest, dir_.file("elsewhere"));
  const auto error = store_->reopen();
  ASSERT_TRUE(error);
  EXPECT_THAT(error->text, HasSubstr("cannot open the database " + path()));
  EXPECT_TRUE(std::holds_alternative<StoreError>(store_->load(1, "k")));
  EXPECT_TRUE(std::holds_alternative<StoreError>(store_->scan(1, "", "", 1)));
  EXPECT_TRUE(std::holds_alternative<StoreError>(try_write({put_item(1, "k", {"w", 2})})));
  EXPECT_TRUE(std::holds_alternative<StoreError>(store_->erase_some({1, "", "", kVersionMax, 0}, 1)));
  EXPECT_TRUE(std::holds_alternative<StoreError>(store_->definitions()));
  EXPECT_TRUE(std::holds_alternative<StoreError>(store_->unfinished_drops()));
  EXPECT_TRUE(std::holds_alternative<StoreError>(store_->reserved_versions()));
  EXPECT_TRUE(store_->define(2, "b", durable()) && store_->begin_drop(1) && store_->end_drop(1) &&
              store_->reserve_versions(1));
  std::filesystem::rename(dir_.file("elsewhere"), manifest);
  ASSERT_FALSE(store_->reopen());
  EXPECT_EQ(value(1, "k"), "v");
}

TEST_F(LevelDbStoreFaults, a_write_into_a_database_that_is_not_in_its_place_is_an_error_until_it_is_back) {
  define(1, "a");
  write({put_item(1, "k", {"v", 1})});
  std::filesystem::rename(path(), dir_.file("elsewhere"));
  const auto wrote = try_write({put_item(1, "k", {"w", 2})});
  ASSERT_TRUE(std::holds_alternative<StoreError>(wrote));
  EXPECT_THAT(std::get<StoreError>(wrote).text, HasSubstr(path() + ": it is gone ("));
  std::filesystem::create_directory(path());
  ASSERT_TRUE(store_->reopen());
  EXPECT_TRUE(std::filesystem::is_empty(path()));
  std::filesystem::rename(dir_.file("elsewhere"), path());
  ASSERT_FALSE(store_->reopen());
  write({put_item(1, "k", {"x", 3})});
  EXPECT_EQ(value(1, "k"), "x");
}

// -- damage, and directories that are not ours

TEST_F(LevelDbStoreFaults, a_damaged_record_is_an_error_that_names_cache_and_key) {
  define(7, "a");
  write({put_item(7, "k\n\"1", {"value", 1}), put_item(7, "ok", {"v", 2})});
  const std::string at = record_key(7, "k\n\"1");
  with_raw_database([&](leveldb::DB& raw) {
    std::string bytes;
    ASSERT_TRUE(raw.Get({}, at, &bytes).ok());
    bytes[12] ^= 1;
    ASSERT_TRUE(raw.Put({}, at, bytes).ok());
  });
  open();
  const auto loaded = store_->load(7, "k\n\"1");
  ASSERT_TRUE(std::holds_alternative<StoreError>(loaded));
  EXPECT_EQ(std::get<StoreError>(loaded).text, "the database " + path() +
                                                   " is damaged: the record of cache 7, key \"k\\x0a\\\"1\", "
                                                   "does not match its checksum");
  EXPECT_EQ(keys(7, "o"), std::vector<std::string>{"ok"});
  EXPECT_EQ(std::get<ErasedSome>(store_->erase_some({7, "k", "", 0, 0}, 10)).erased_live, 0);
  EXPECT_EQ(keys(7), std::vector<std::string>{"ok"}) << "erasing ranges takes damaged records too";
  EXPECT_EQ(disk_entries(7), 1);
}

TEST_F(LevelDbStoreFaults, a_flipped_byte_in_a_table_is_an_error_and_never_a_wrong_value) {
  define(1, "a");
  std::vector<BatchItem> items;
  std::mt19937 random(1);
  for (int number = 0; number < 100; ++number) {
    std::string noise(1'000, '\0');
    std::generate(noise.begin(), noise.end(), [&] { return static_cast<char>(random()); });
    items.push_back(put_item(1, std::to_string(number), {noise, 1}));
  }
  write(items);
  with_raw_database([](leveldb::DB& raw) { raw.CompactRange(nullptr, nullptr); });
  for (const auto& file : std::filesystem::directory_iterator(path())) {
    if (file.path().extension() != ".ldb") continue;
    std::fstream table(file.path(), std::ios::in | std::ios::out | std::ios::binary);
    table.seekp(20'000);
    table.write("\x55\xaa\x55\xaa", 4);
  }
  open();
  int errors = 0;
  for (const BatchItem& item : items) {
    const auto loaded = store_->load(1, item.key);
    if (std::holds_alternative<StoreError>(loaded)) {
      ++errors;
      EXPECT_THAT(std::get<StoreError>(loaded).text,
                  HasSubstr("cannot read the record of cache 1, key \"" + item.key + "\", in"));
    } else {
      EXPECT_EQ(std::get<Record>(loaded).value, item.record->value);
    }
  }
  EXPECT_GE(errors, 1);
  EXPECT_LE(errors, 10);
}

TEST_F(LevelDbStoreFaults, damaged_definitions_and_numbers_keep_it_from_opening) {
  define(7, "a");
  ASSERT_FALSE(store_->reserve_versions(5));
  const std::map<std::string, std::string> texts{
      {fact_key(CacheFact::kDefinition, 7), "the definition of cache 7 is cut short"},
      {fact_key(CacheFact::kCount, 7), "the number of records of cache 7 is cut short"},
      {fact_key(CacheFact::kDrop, 7), "the note of the drop of cache 7 is cut short"},
      {format_key(), "the number of its layout is cut short"},
      {identity_key(), "its identity is cut short"}};
  for (const auto& damaged : texts) {
    const std::string& at = damaged.first;
    std::string bytes;
    with_raw_database([&](leveldb::DB& raw) {
      raw.Get({}, at, &bytes);
      ASSERT_TRUE(raw.Put({}, at, "x").ok());
    });
    const auto error = try_open(path());
    ASSERT_TRUE(error);
    EXPECT_THAT(error->text, HasSubstr(damaged.second));
    with_raw_database([&](leveldb::DB& raw) {
      ASSERT_TRUE((bytes.empty() ? raw.Delete({}, at) : raw.Put({}, at, bytes)).ok());
    });
  }
  with_raw_database([](leveldb::DB& raw) { ASSERT_TRUE(raw.Put({}, versions_key(), "x").ok()); });
  open();
  const auto versions = store_->reserved_versions();
  ASSERT_TRUE(std::holds_alternative<StoreError>(versions));
  EXPECT_THAT(std::get<StoreError>(versions).text, HasSubstr("the bound of its versions is cut short"));
}

TEST_F(LevelDbStoreFaults, a_newer_layout_is_refused_and_left_alone) {
  with_raw_database(
      [](leveldb::DB& raw) { ASSERT_TRUE(raw.Put({}, format_key(), encode_number(format_key(), 2)).ok()); });
  const auto error = try_open(path());
  ASSERT_TRUE(error);
  EXPECT_EQ(error->text, "the database " + path() + " has layout 2, this program reads 1");
}

TEST_F(LevelDbStoreFaults, a_database_of_somebody_else_is_refused) {
  store_.reset();
  leveldb::Options create;
  create.create_if_missing = true;
  leveldb::DB* opened = nullptr;
  ASSERT_TRUE(leveldb::DB::Open(create, dir_.file("other"), &opened).ok());
  ASSERT_TRUE(opened->Put({}, "key", "value").ok());
  delete opened;
  const auto error = try_open(dir_.file("other"));
  ASSERT_TRUE(error);
  EXPECT_THAT(error->text, HasSubstr("was not made by Pannier"));
}

TEST_F(LevelDbStoreFaults, nothing_is_created_over_data_that_cannot_be_opened) {
  define(1, "a");
  write({put_item(1, "k", {"v", 1})});
  store_.reset();
  std::filesystem::rename(path() + "/CURRENT", dir_.file("elsewhere"));
  const auto error = try_open(path());
  ASSERT_TRUE(error);
  EXPECT_EQ(error->text, "the database " + path() + " is damaged: its file CURRENT is missing");
  std::filesystem::rename(dir_.file("elsewhere"), path() + "/CURRENT");
  open();
  EXPECT_EQ(value(1, "k"), "v");
}

TEST_F(LevelDbStoreFaults, a_creation_that_was_cut_short_is_done_again) {
  const std::string fresh = dir_.file("fresh");
  std::filesystem::create_directory(fresh);
  std::ofstream(fresh + "/MANIFEST-000001") << "half";
  std::ofstream(fresh + "/LOCK") << "";
  EXPECT_FALSE(try_open(fresh));
}

TEST_F(LevelDbStoreFaults, a_directory_that_cannot_be_made_or_is_in_use_is_an_error) {
  auto second = LevelDbStore::open(path(), options_, &env_);
  ASSERT_TRUE(std::holds_alternative<StoreError>(second));
  EXPECT_THAT(std::get<StoreError>(second).text, HasSubstr("cannot open the database " + path()));
  const auto error = try_open(dir_.file("no/such/parent"));
  ASSERT_TRUE(error);
  EXPECT_THAT(error->text, HasSubstr("cannot create the database " + dir_.file("no/such/parent")));
}

// -- losing what was not synced, and threads

TEST_F(LevelDbStoreFaults, all_that_was_answered_is_in_the_files_while_it_runs) {
  define(1, "a");
  for (int number = 0; number < 200; ++number) {
    write({put_item(1, std::to_string(number), {std::string(100'000, 'x'), 1}),
           erase_item(1, std::to_string(number - 100))});
  }
  open_a_copy_of_the_files();
  EXPECT_EQ(disk_entries(1), 100);
  EXPECT_EQ(keys(1).size(), 100);
  EXPECT_EQ(value(1, "199").size(), 100'000);
}

TEST_F(LevelDbStoreFaults, a_log_that_lost_its_end_loses_whole_batches_from_the_last_back) {
  define(1, "a");
  for (int number = 0; number < 10; ++number) {
    const std::string name = std::to_string(number);
    write({put_item(1, "x" + name, {std::string(50, 'x'), 1}), put_item(1, "y" + name, {"y", 1})});
  }
  std::filesystem::path log;
  for (const auto& file : std::filesystem::directory_iterator(path())) {
    if (file.path().extension() == ".log") log = file.path();
  }
  const std::size_t whole = written_of(log).size();
  std::size_t before = 20;
  for (std::size_t lost = 1; lost < whole; lost += 37) {
    std::filesystem::remove_all(dir_.file("copy"));
    std::filesystem::copy(path(), dir_.file("copy"), std::filesystem::copy_options::recursive);
    std::filesystem::resize_file(std::filesystem::path(dir_.file("copy")) / log.filename(), whole - lost);
    auto opened = LevelDbStore::open(dir_.file("copy"), options_);
    ASSERT_TRUE(std::holds_alternative<std::unique_ptr<LevelDbStore>>(opened))
        << std::get<StoreError>(opened).text;
    const auto& store = *std::get<0>(opened);
    const auto found = std::get<Scanned>(store.scan(1, "", "", kAllKeys)).keys.size();
    const auto known = std::get<0>(store.definitions());
    EXPECT_EQ(found % 2, 0);
    EXPECT_LE(found, before);
    EXPECT_EQ(found, known.empty() ? 0 : known[0].disk_entries);
    before = found;
  }
}

TEST_F(LevelDbStoreFaults, loads_and_scans_go_on_while_another_thread_writes_and_reopens) {
  define(1, "a");
  write({put_item(1, "k", {"0", 1})});
  std::atomic<bool> is_done = false;
  std::vector<std::thread> readers;
  for (int number = 0; number < 2; ++number) {
    readers.emplace_back([&] {
      while (!is_done) {
        EXPECT_TRUE(std::holds_alternative<Record>(store_->load(1, "k")));
        EXPECT_TRUE(std::holds_alternative<Scanned>(store_->scan(1, "", "", 10)));
      }
    });
  }
  for (int number = 0; number < 100; ++number) {
    write(
        {put_item(1, "k", {std::to_string(number), 1}), put_item(1, "n" + std::to_string(number), {"v", 1})});
    if (number % 20 == 0) {
      EXPECT_FALSE(store_->reopen());
    }
  }
  is_done = true;
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(value(1, "k"), "99");
}

TEST_F(LevelDbStoreFaults, an_image_ends_when_the_store_is_reopened) {
  define(1, "a");
  write({put_item(1, "k", {"v", 1})});
  const auto image = std::get<0>(store_->open_image());
  ASSERT_FALSE(store_->reopen());
  const auto read = image->read(1, "", 1'000);
  ASSERT_TRUE(std::holds_alternative<StoreError>(read));
  EXPECT_THAT(std::get<StoreError>(read).text, HasSubstr("the image is gone"));
  const auto again = std::get<0>(store_->open_image());
  EXPECT_EQ(std::get<ImagePiece>(again->read(1, "", 1'000)).records.size(), 1);
}

}  // namespace
}  // namespace pannier::storage
