#include "daemon/reconcile.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "storage/leveldb_store.h"
#include "tests/daemon/silent_listener.h"
#include "tests/storage/temp_dir.h"

namespace pannier::daemon {
namespace {

using std::string;
using storage::CacheId;
using storage::Definition;
using storage::Settings;
using storage::Tier;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr storage::TimeMs kNow = 1'700'000'000'000;

Settings settings_of(Tier tier, std::optional<std::uint64_t> age_ms_max = {}) {
  Settings settings;
  settings.tier = tier;
  settings.age_ms_max = age_ms_max;
  return settings;
}

class ReconcileTest : public testing::Test {
 protected:
  ReconcileTest() : catalog_(options(), listener_), store_(open_store()) {
    catalog_.set_versions(1, 1'000'000);
  }

  static storage::CatalogOptions options() {
    storage::CatalogOptions options;
    options.memory_bytes_max = std::uint64_t{4} << 20;
    return options;
  }
  std::unique_ptr<storage::LevelDbStore> open_store() {
    auto opened = storage::LevelDbStore::open(dir_.file("durable"), {});
    if (std::holds_alternative<storage::StoreError>(opened)) std::abort();
    return std::move(std::get<0>(opened));
  }

  storage::Cache& in_memory(const string& name, Tier tier = Tier::kDurable) {
    const auto opened = catalog_.open(name, settings_of(tier), false, kNow);
    return std::get<storage::Opened>(opened).cache;
  }
  /// With so many records.
  void on_disk(CacheId id, const string& name, int entries = 0,
               const Settings& settings = settings_of(Tier::kDurable)) {
    ASSERT_FALSE(store_->define(id, name, settings));
    storage::Batch batch;
    for (int i = 0; i < entries; ++i)
      batch.items.push_back({id, std::to_string(i), storage::Record{"\xc0", 1}, storage::OnDisk::kNo, 0});
    ASSERT_TRUE(std::holds_alternative<std::vector<storage::Wrote>>(store_->write({&batch, 1})));
  }
  /// From now on memory and disk are of the same daemon.
  void join() { EXPECT_TRUE(std::holds_alternative<Reconciled>(reconcile(catalog_, *store_))); }
  Reconciled reconciled() {
    auto outcome = reconcile(catalog_, *store_);
    if (const auto* fault = std::get_if<ReconcileFault>(&outcome)) {
      ADD_FAILURE() << fault->text;
      return {};
    }
    return std::get<Reconciled>(std::move(outcome));
  }
  std::vector<Definition> definitions() const { return std::get<0>(store_->definitions()); }
  std::vector<string> names_on_disk() const {
    std::vector<string> names;
    for (const Definition& definition : definitions())
      names.push_back(definition.name + " " + std::to_string(definition.id));
    return names;
  }

  test::TempDir dir_;
  SilentListener listener_;
  storage::Catalog catalog_;
  std::unique_ptr<storage::LevelDbStore> store_;
};

TEST_F(ReconcileTest, a_cache_that_both_have_knows_how_many_records_are_on_disk) {
  join();
  storage::Cache& cache = in_memory("a");
  on_disk(cache.id(), "a", 3);
  const Reconciled done = reconciled();
  EXPECT_EQ(cache.entries(), 3U);
  EXPECT_THAT(done.unfinished_drops, IsEmpty());
  EXPECT_THAT(done.notes, IsEmpty());
}

TEST_F(ReconcileTest, settings_that_memory_has_altered_are_written) {
  join();
  storage::Cache& cache = in_memory("a");
  on_disk(cache.id(), "a", 2, settings_of(Tier::kDurable, 60'000));
  reconciled();
  ASSERT_THAT(definitions(), SizeIs(1));
  EXPECT_EQ(definitions()[0].settings, cache.settings());
  EXPECT_EQ(definitions()[0].disk_entries, 2U);
}

TEST_F(ReconcileTest, a_cache_whose_open_did_not_reach_the_disk_is_defined_there) {
  join();
  in_memory("lru", Tier::kLru);
  storage::Cache& cache = in_memory("a");
  reconciled();
  EXPECT_THAT(names_on_disk(), ElementsAre("a " + std::to_string(cache.id())));
}

TEST_F(ReconcileTest, without_memory_all_that_is_on_disk_is_restored) {
  on_disk(7, "a", 2);
  on_disk(3, "b");
  reconciled();
  ASSERT_NE(catalog_.find("a"), nullptr);
  EXPECT_EQ(catalog_.find("a")->id(), 7U);
  EXPECT_EQ(catalog_.find("a")->entries(), 2U);
  ASSERT_NE(catalog_.find("b"), nullptr);
  EXPECT_EQ(in_memory("c").id(), 8U);
}

TEST_F(ReconcileTest, a_drop_that_did_not_reach_the_disk_goes_on) {
  join();
  const CacheId id = in_memory("a").id();
  on_disk(id, "a", 2);
  catalog_.drop("a");
  EXPECT_THAT(reconciled().unfinished_drops, ElementsAre(id));
  EXPECT_EQ(catalog_.find("a"), nullptr);
  EXPECT_THAT(names_on_disk(), IsEmpty());
  EXPECT_THAT(std::get<0>(store_->unfinished_drops()), ElementsAre(id));
}

TEST_F(ReconcileTest, a_name_that_was_dropped_and_opened_again_is_the_new_cache) {
  join();
  const CacheId old_id = in_memory("a").id();
  on_disk(old_id, "a", 2);
  catalog_.drop("a");
  const CacheId new_id = in_memory("a").id();
  EXPECT_THAT(reconciled().unfinished_drops, ElementsAre(old_id));
  EXPECT_EQ(catalog_.find("a")->id(), new_id);
  EXPECT_EQ(catalog_.find("a")->entries(), 0U);
  EXPECT_THAT(names_on_disk(), ElementsAre("a " + std::to_string(new_id)));
}

TEST_F(ReconcileTest, a_drop_that_the_disk_knows_of_goes_on_and_its_id_is_not_used_again) {
  on_disk(9, "a", 2);
  ASSERT_FALSE(store_->begin_drop(9));
  EXPECT_THAT(reconciled().unfinished_drops, ElementsAre(9));
  EXPECT_EQ(in_memory("a").id(), 10U);
}

TEST_F(ReconcileTest, a_process_that_died_before_it_had_seen_all_has_dropped_nothing) {
  in_memory("x", Tier::kLru);
  in_memory("y", Tier::kLru);
  catalog_.drop("y");
  on_disk(2, "a", 2);
  const string identity = std::get<string>(store_->identity());
  EXPECT_FALSE(catalog_.meet_store(identity, 0).is_same);
  EXPECT_THAT(reconciled().unfinished_drops, IsEmpty());
  EXPECT_THAT(names_on_disk(), ElementsAre("a 2"));
  EXPECT_TRUE(catalog_.meet_store(identity, 0).is_same);
}

TEST_F(ReconcileTest, caches_of_another_data_directory_are_restored_whatever_memory_knew) {
  in_memory("x");
  in_memory("y");
  catalog_.drop("y");
  on_disk(2, "a", 2);
  const Reconciled done = reconciled();
  EXPECT_THAT(done.unfinished_drops, IsEmpty());
  ASSERT_NE(catalog_.find("a"), nullptr);
  EXPECT_EQ(catalog_.find("a")->entries(), 2U);
  EXPECT_THAT(names_on_disk(), ElementsAre("a 2"));
  EXPECT_EQ(catalog_.find("x"), nullptr);
}

TEST_F(ReconcileTest, what_is_on_no_disk_comes_to_another_data_directory) {
  on_disk(5, "a", 2);
  storage::Cache& cache = in_memory("x");
  ASSERT_TRUE(std::holds_alternative<storage::Written>(cache.put("k", "\xc0", {}, kNow)));
  EXPECT_THAT(reconciled().notes, IsEmpty());
  EXPECT_THAT(names_on_disk(), ElementsAre("x 1", "a 5"));
  EXPECT_EQ(catalog_.find("x"), &cache);
  EXPECT_EQ(cache.dirty().entries, 1U);
}

TEST_F(ReconcileTest, what_contradicts_another_data_directory_gives_way_and_is_told) {
  const CacheId lru = in_memory("lru", Tier::kLru).id();
  in_memory("a");
  on_disk(lru, "b");
  on_disk(20, "a", 2);
  const Reconciled done = reconciled();
  EXPECT_THAT(done.notes, SizeIs(2));
  EXPECT_THAT(done.notes, testing::Contains(HasSubstr("the cache \"lru\" that memory has kept is left out")));
  EXPECT_EQ(catalog_.find("lru"), nullptr);
  EXPECT_EQ(catalog_.find("a")->id(), 20U);
  EXPECT_EQ(catalog_.find("b")->id(), lru);
  EXPECT_THAT(names_on_disk(), ElementsAre("b " + std::to_string(lru), "a 20"));
}

TEST_F(ReconcileTest, what_is_on_no_disk_never_gives_way) {
  storage::Cache& cache = in_memory("a");
  ASSERT_TRUE(std::holds_alternative<storage::Written>(cache.put("k", "\xc0", {}, kNow)));
  on_disk(20, "a", 2);
  const auto outcome = reconcile(catalog_, *store_);
  ASSERT_TRUE(std::holds_alternative<ReconcileFault>(outcome));
  EXPECT_THAT(std::get<ReconcileFault>(outcome).text,
              HasSubstr("the cache \"a\" that memory has kept has 1 entries that were written to no disk"));
  EXPECT_EQ(cache.dirty().entries, 1U);
}

}  // namespace
}  // namespace pannier::daemon
