#include "daemon/backups.h"

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "tests/daemon/disk_fixture.h"

namespace pannier::daemon {
namespace {

bool has_all_the_time() { return true; }

class BackupsTest : public DiskFixture {
 protected:
  BackupsTest() : clock_(loop_, 1'000'000), backups_(*disk_, background_, clock_) {}
  ~BackupsTest() override {
    for (ConnectionId connection = 1; connection < 10; ++connection) backups_.end(connection);
    run_until([this] { return disk_->is_idle(); });
  }

  std::weak_ptr<const storage::StoreImage> begin(ConnectionId connection) {
    DiskWorker::Image image;
    disk_->open_image([&](auto opened) { image = std::get<DiskWorker::Image>(std::move(opened)); });
    run_until([&] { return image != nullptr; });
    std::weak_ptr<const storage::StoreImage> seen = image;
    backups_.fill(backups_.reserve(connection), std::move(image));
    return seen;
  }
  void expect_released(const std::weak_ptr<const storage::StoreImage>& image) {
    run_until([&] { return image.expired(); });
  }

  Clock clock_;
  Background background_;
  Backups backups_;
};

TEST_F(BackupsTest, an_image_is_released_when_its_connection_ends) {
  const auto image = begin(1);
  EXPECT_TRUE(backups_.find(1));
  backups_.end(1);
  EXPECT_FALSE(backups_.find(1));
  expect_released(image);
}

TEST_F(BackupsTest, another_backup_of_a_connection_replaces_its_image) {
  const auto first = begin(1);
  const auto second = begin(1);
  expect_released(first);
  EXPECT_FALSE(second.expired());
}

TEST_F(BackupsTest, places_are_bounded_and_count_before_the_image_is_there) {
  for (ConnectionId connection = 1; connection <= Backups::kBackupsMax; ++connection) {
    EXPECT_FALSE(backups_.is_full(false));
    backups_.reserve(connection);
  }
  EXPECT_TRUE(backups_.is_full(false));
  EXPECT_EQ(Backups::places(true), Backups::kBackupsMax - 1) << "the last is not for users who are bounded";
  backups_.end(1);
  EXPECT_FALSE(backups_.is_full(false));
}

TEST_F(BackupsTest, what_lies_unused_ends_and_what_is_being_read_does_not) {
  const auto idle = begin(1);
  const auto read = begin(2);
  backups_.find(2)->is_reading = true;
  const storage::TimeMs due = background_.next_due();
  EXPECT_LE(due, clock_.now() + Backups::kIdleMsMax);
  background_.step(due - 1, has_all_the_time);
  EXPECT_TRUE(backups_.find(1));
  background_.step(due, has_all_the_time);
  EXPECT_FALSE(backups_.find(1));
  EXPECT_TRUE(backups_.find(2));
  expect_released(idle);
  EXPECT_FALSE(read.expired());
}

TEST_F(BackupsTest, nothing_is_watched_when_there_is_nothing) {
  begin(1);
  backups_.end(1);
  background_.step(clock_.now() + Backups::kIdleMsMax, has_all_the_time);
  EXPECT_EQ(background_.next_due(), storage::kNever);
  begin(1);
  EXPECT_NE(background_.next_due(), storage::kNever);
}

}  // namespace
}  // namespace pannier::daemon
