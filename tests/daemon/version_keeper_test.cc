#include "daemon/version_keeper.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <utility>
#include <variant>

#include "tests/daemon/disk_fixture.h"
#include "tests/daemon/silent_listener.h"

namespace pannier::daemon {
namespace {

using storage::StoreError;
using storage::Version;
using ::testing::HasSubstr;

constexpr std::uint64_t kBlock = VersionKeeper::kBlock;

class VersionKeeperTest : public DiskFixture {
 protected:
  VersionKeeperTest() { restart(); }

  /// As a new process would find it.
  void restart() {
    keeper_.reset();
    catalog_ = std::make_unique<storage::Catalog>(storage::CatalogOptions(), listener_);
    auto started = VersionKeeper::start(loop_, *store_, *catalog_, *disk_);
    ASSERT_TRUE(std::holds_alternative<std::unique_ptr<VersionKeeper>>(started));
    keeper_ = std::move(std::get<0>(started));
  }
  Version reserved() { return std::get<Version>(store_->reserved_versions()); }
  /// As if all but so many of those that are reserved had been taken.
  void use_up(Version left) { catalog_->set_versions(reserved() - left, reserved()); }
  std::optional<StoreError> stop() {
    std::optional<std::optional<StoreError>> stopped;
    keeper_->stop([&](std::optional<StoreError> error) { stopped = std::move(error); });
    run_until([&] { return stopped.has_value(); });
    return *stopped;
  }

  SilentListener listener_;
  std::unique_ptr<storage::Catalog> catalog_;
  std::unique_ptr<VersionKeeper> keeper_;
};

TEST_F(VersionKeeperTest, a_new_store_begins_with_the_first_version_and_a_reserved_block) {
  EXPECT_EQ(catalog_->take_version(), 1);
  EXPECT_EQ(reserved(), 1 + kBlock);
  EXPECT_EQ(catalog_->versions_left(), kBlock - 1);
}

TEST_F(VersionKeeperTest, after_a_crash_the_next_process_begins_above_the_block) {
  catalog_->take_version();
  restart();
  EXPECT_EQ(catalog_->take_version(), 1 + kBlock);
}

TEST_F(VersionKeeperTest, a_clean_stop_wastes_one_version) {
  EXPECT_EQ(catalog_->take_version(), 1);
  EXPECT_EQ(stop(), std::nullopt);
  EXPECT_EQ(catalog_->take_version(), std::nullopt);
  restart();
  EXPECT_EQ(catalog_->take_version(), 3);
}

TEST_F(VersionKeeperTest, that_a_process_was_there_is_seen_though_it_took_no_version) {
  EXPECT_EQ(stop(), std::nullopt);
  const Version found = reserved();
  restart();
  EXPECT_EQ(stop(), std::nullopt);
  EXPECT_NE(reserved(), found);
}

TEST_F(VersionKeeperTest, a_further_block_is_reserved_before_the_half_is_used) {
  use_up(kBlock / 2);
  keeper_->poke();
  EXPECT_TRUE(disk_->is_idle());
  const auto used = catalog_->take_version();
  keeper_->poke();
  EXPECT_FALSE(disk_->is_idle());
  catalog_->take_version();
  run_until([&] { return catalog_->versions_left() > kBlock; });
  EXPECT_EQ(reserved(), 1 + 2 * kBlock);
  EXPECT_EQ(catalog_->take_version(), *used + 2);
}

TEST_F(VersionKeeperTest, while_the_disk_fails_versions_run_out_and_come_back_with_it) {
  env_.fails_writes = true;
  use_up(0);
  keeper_->poke();
  run_for_ms(50);
  EXPECT_EQ(catalog_->take_version(), std::nullopt);
  env_.fails_writes = false;
  run_until([&] { return catalog_->versions_left() > 0; });
  EXPECT_EQ(catalog_->take_version(), 1 + kBlock);
}

TEST_F(VersionKeeperTest, the_last_versions_are_given_out_and_then_it_refuses_to_start) {
  ASSERT_FALSE(store_->reserve_versions(storage::kVersionMax));
  restart();
  EXPECT_EQ(catalog_->take_version(), storage::kVersionMax);
  EXPECT_EQ(catalog_->take_version(), std::nullopt);
  keeper_->poke();
  EXPECT_TRUE(disk_->is_idle());
  storage::Catalog next({}, listener_);
  const auto started = VersionKeeper::start(loop_, *store_, next, *disk_);
  ASSERT_TRUE(std::holds_alternative<StoreError>(started));
  EXPECT_THAT(std::get<StoreError>(started).text, HasSubstr("are used up"));
}

TEST_F(VersionKeeperTest, a_disk_that_fails_keeps_it_from_starting) {
  env_.fails_writes = true;
  storage::Catalog next({}, listener_);
  EXPECT_TRUE(std::holds_alternative<StoreError>(VersionKeeper::start(loop_, *store_, next, *disk_)));
  EXPECT_EQ(next.take_version(), std::nullopt);
}

}  // namespace
}  // namespace pannier::daemon
