// Torn ends of LevelDB's logs, as power loss leaves them, and what only looks like one.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <random>
#include <string>
#include <vector>

#include "storage/leveldb_env.h"
#include "storage/leveldb_log.h"
#include "tests/storage/leveldb_store_fixture.h"

namespace pannier::storage {
namespace {

using ::testing::HasSubstr;

constexpr int kBatches = 6;
constexpr std::size_t kValueBytes = 45'000;  // in two blocks or three

class LevelDbLog : public LevelDbStoreTest {
 protected:
  /// Batches 0 to kBatches - 1; where in the log the last one begins.
  std::size_t write_batches() {
    define(1, "a");
    std::size_t last_at = 0;
    for (int number = 0; number < kBatches; ++number) {
      last_at = written_of(file(".log")).size();
      write({put_item(1, std::to_string(number), {noise(kValueBytes), 1})});
    }
    store_.reset();
    return last_at;
  }

  std::string file(const std::string& part) const {
    for (const auto& found : std::filesystem::directory_iterator(path())) {
      if (found.path().string().find(part, path().size()) != std::string::npos) return found.path();
    }
    return "";
  }
  static void replace(const std::string& name, const std::string& content) {
    std::ofstream(name, std::ios::binary | std::ios::trunc) << content;
  }
  std::string noise(std::size_t bytes) {
    std::string made(bytes, '\0');
    for (char& byte : made) byte = static_cast<char>(random_());
    return made;
  }

  std::mt19937 random_{1};
};

TEST_F(LevelDbLog, a_torn_end_costs_the_last_write_alone) {
  const std::size_t last_at = write_batches();
  const std::string log = file(".log");
  const std::string whole = written_of(log);
  for (std::size_t torn = last_at + 1; torn < whole.size(); torn += 1'777) {
    for (const bool is_noise : {true, false}) {
      const std::size_t bytes = whole.size() - torn;
      replace(log, whole.substr(0, torn) + (is_noise ? noise(bytes) : std::string(bytes, '\0')));
      EXPECT_EQ(torn_at(content_of(log)), last_at);
    }
    // A hole, and what was behind it is there.
    std::string holed = whole;
    holed.replace(torn, std::min<std::size_t>(4'096, whole.size() - torn), 4'096, '\0');
    holed.resize(whole.size());
    replace(log, holed);
    EXPECT_EQ(torn_at(holed), last_at);
  }
  open();
  EXPECT_EQ(keys(1).size(), kBatches - 1);
  EXPECT_EQ(disk_entries(1), kBatches - 1);
  ASSERT_EQ(store_->notes().size(), 1);
  EXPECT_THAT(store_->notes()[0], HasSubstr("off the end of " + path()));
  open();
  EXPECT_TRUE(store_->notes().empty());
}

TEST_F(LevelDbLog, a_log_that_is_whole_or_merely_short_is_left_to_leveldb) {
  const std::size_t last_at = write_batches();
  const std::string whole = written_of(file(".log"));
  EXPECT_EQ(torn_at(whole), std::nullopt);
  EXPECT_EQ(torn_at(whole.substr(0, last_at)), std::nullopt);
  EXPECT_EQ(torn_at(""), std::nullopt);
  replace(file(".log"), whole.substr(0, whole.size() - 10));
  open();
  EXPECT_EQ(keys(1).size(), kBatches - 1);
  EXPECT_TRUE(store_->notes().empty());
}

TEST_F(LevelDbLog, zeros_that_are_written_ahead_are_no_torn_end) {
  const std::size_t last_at = write_batches();
  const std::string log = file(".log");
  const std::string whole = written_of(log);
  EXPECT_GT(std::filesystem::file_size(log), whole.size());
  EXPECT_EQ(torn_at(content_of(log)), std::nullopt);
  // As if the last write had not reached the disk at all, and the zeros written before it had.
  replace(log, whole.substr(0, last_at) + std::string(whole.size() - last_at, '\0'));
  EXPECT_EQ(torn_at(content_of(log)), std::nullopt);
  open();
  EXPECT_EQ(keys(1).size(), kBatches - 1);
  EXPECT_TRUE(store_->notes().empty());
}

TEST_F(LevelDbLog, a_torn_write_between_zeros_written_ahead_is_cut_off) {
  const std::size_t last_at = write_batches();
  const std::string log = file(".log");
  std::string torn = content_of(log);
  // One page of it has not reached the disk.
  torn.replace(last_at + 8'192, 4'096, 4'096, '\0');
  replace(log, torn);
  EXPECT_EQ(torn_at(torn), last_at);
  open();
  EXPECT_EQ(keys(1).size(), kBatches - 1);
  EXPECT_EQ(store_->notes().size(), 1);
}

TEST_F(LevelDbLog, small_writes_do_not_make_the_log_grow_each_and_large_ones_are_not_written_twice) {
  define(1, "a");
  const auto grown = [this] { return std::filesystem::file_size(file(".log")); };
  const std::size_t first = grown();
  for (int number = 0; number < 100; ++number) {
    write({put_item(1, std::to_string(number), {noise(1'000), 1})});
    EXPECT_EQ(grown(), first);
  }
  const std::string large = noise(1'000'000);
  write({put_item(1, "large", {large, 1})});
  EXPECT_EQ(grown(), written_of(file(".log")).size());
  store_.reset();
  open();
  EXPECT_EQ(keys(1).size(), 101);
}

TEST_F(LevelDbLog, damage_before_a_whole_write_is_no_torn_end_and_stays_as_it_is) {
  const std::size_t last_at = write_batches();
  const std::string log = file(".log");
  const std::string whole = written_of(log);
  for (std::size_t at = 10; at < last_at; at += 9'973) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x55);
    EXPECT_EQ(torn_at(damaged), std::nullopt) << at;
    replace(log, damaged);
    const auto error = try_open(path());
    ASSERT_TRUE(error) << at;
    EXPECT_THAT(error->text, HasSubstr("Corruption"));
    EXPECT_EQ(content_of(log), damaged);
  }
  replace(log, whole);
  open();
  EXPECT_EQ(keys(1).size(), kBatches);
}

TEST_F(LevelDbLog, a_torn_end_of_the_manifest_is_cut_off) {
  write_batches();
  const std::string manifest = file("MANIFEST");
  replace(manifest, content_of(manifest) + std::string("\1\2\3\4\5\0\1pages", 12));
  open();
  EXPECT_EQ(keys(1).size(), kBatches);
  EXPECT_EQ(store_->notes().size(), 1);
}

TEST_F(LevelDbLog, the_manifest_that_current_names_cannot_be_removed) {
  DurableNamesEnv env(leveldb::Env::Default(), sync_directory);
  EXPECT_FALSE(env.RemoveFile(file("MANIFEST")).ok());
  replace(path() + "/MANIFEST-999999", "another");
  EXPECT_TRUE(env.RemoveFile(path() + "/MANIFEST-999999").ok());
}

}  // namespace
}  // namespace pannier::storage
