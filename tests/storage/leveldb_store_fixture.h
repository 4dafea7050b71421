// What the tests of LevelDbStore share: a store in a directory of its own, on a disk that can fail.
#pragma once

#include <gtest/gtest.h>
#include <leveldb/db.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "storage/leveldb_store.h"
#include "tests/storage/faulty_env.h"
#include "tests/storage/temp_dir.h"

namespace pannier::storage {

inline constexpr std::uint64_t kAllKeys = 10'000;

inline Settings durable() {
  Settings settings;
  settings.tier = Tier::kDurable;
  return settings;
}

inline BatchItem put_item(CacheId cache, std::string key, Record record, OnDisk on_disk = OnDisk::kUnknown) {
  return {cache, std::move(key), std::move(record), on_disk, 0};
}

inline BatchItem erase_item(CacheId cache, std::string key, OnDisk on_disk = OnDisk::kUnknown) {
  return {cache, std::move(key), std::nullopt, on_disk, 0};
}

class LevelDbStoreTest : public testing::Test {
 protected:
  LevelDbStoreTest() { open(); }

  std::string path() const { return dir_.file("durable"); }

  std::optional<StoreError> try_open(const std::string& path) {
    store_.reset();
    auto opened = LevelDbStore::open(path, options_, &env_);
    if (auto* error = std::get_if<StoreError>(&opened)) return *error;
    store_ = std::move(std::get<0>(opened));
    return std::nullopt;
  }
  void open() {
    const auto error = try_open(path());
    ASSERT_FALSE(error) << error->text;
  }
  static std::string content_of(const std::string& file) {
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  /// Of a log, without the zeros that are written ahead.
  static std::string written_of(const std::string& log) {
    std::string content = content_of(log);
    content.resize(content.find_last_not_of('\0') + 1);
    return content;
  }
  /// As after a kill: another process sees the files as they are at this moment.
  void open_a_copy_of_the_files() {
    std::filesystem::copy(path(), dir_.file("copy"), std::filesystem::copy_options::recursive);
    const auto error = try_open(dir_.file("copy"));
    ASSERT_FALSE(error) << error->text;
  }

  void define(CacheId id, const std::string& name) { ASSERT_FALSE(store_->define(id, name, durable())); }
  /// As one batch.
  std::variant<Wrote, StoreError> try_write(std::vector<BatchItem> items) {
    const Batch batch{std::move(items)};
    auto outcome = store_->write({&batch, 1});
    if (auto* error = std::get_if<StoreError>(&outcome)) return std::move(*error);
    return std::get<0>(std::move(outcome)).front();
  }
  Wrote write(std::vector<BatchItem> items) {
    auto outcome = try_write(std::move(items));
    if (const auto* error = std::get_if<StoreError>(&outcome)) ADD_FAILURE() << error->text;
    return std::holds_alternative<Wrote>(outcome) ? std::get<Wrote>(outcome) : Wrote{};
  }
  std::optional<Record> load(CacheId cache, const std::string& key) const {
    auto loaded = store_->load(cache, key);
    if (const auto* error = std::get_if<StoreError>(&loaded)) ADD_FAILURE() << error->text;
    const auto* record = std::get_if<Record>(&loaded);
    return record ? std::optional(*record) : std::nullopt;
  }
  std::string value(CacheId cache, const std::string& key) const {
    const auto record = load(cache, key);
    return record ? record->value : "(absent)";
  }
  std::vector<std::string> keys(CacheId cache, const std::string& prefix = "") const {
    std::vector<std::string> found;
    const auto scanned = store_->scan(cache, prefix, "", kAllKeys);
    for (const ScannedKey& key : std::get<Scanned>(scanned).keys) found.push_back(key.key);
    return found;
  }
  std::string identity() const { return std::get<std::string>(store_->identity()); }
  std::vector<Definition> definitions() const { return std::get<0>(store_->definitions()); }
  std::uint64_t disk_entries(CacheId cache) const {
    for (const Definition& definition : definitions()) {
      if (definition.id == cache) return definition.disk_entries;
    }
    return 0;
  }
  /// Changes the database behind the store's back, which is closed for it.
  template <typename Change>
  void with_raw_database(Change change) {
    store_.reset();
    leveldb::DB* opened = nullptr;
    ASSERT_TRUE(leveldb::DB::Open(leveldb::Options(), path(), &opened).ok());
    const std::unique_ptr<leveldb::DB> raw(opened);
    change(*raw);
  }

  test::TempDir dir_;
  test::FaultyEnv env_;
  LevelDbOptions options_;
  std::unique_ptr<LevelDbStore> store_;
};

}  // namespace pannier::storage
