#include "daemon/disk_worker.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "tests/daemon/disk_fixture.h"
#include "tests/daemon/gated_store.h"

namespace pannier::daemon {
namespace {

using storage::Absent;
using storage::ErasedSome;
using storage::Record;
using storage::Scanned;
using storage::StoreError;
using storage::Wrote;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class DiskWorkerTest : public DiskFixture {
 protected:
  using DiskFixture::DiskFixture;

  /// Keeps what a callback is called with.
  template <typename Outcome>
  static std::function<void(Outcome)> keep(std::optional<Outcome>& kept) {
    return [&kept](Outcome outcome) { kept = std::move(outcome); };
  }
  using Done = std::optional<StoreError>;
  using WriteOutcome = std::variant<Wrote, StoreError>;
  using LoadOutcome = std::variant<Record, Absent, StoreError>;

  static DiskWorker::WriteDone keep_written(std::optional<WriteOutcome>& kept) {
    return [&kept](const storage::Batch&, WriteOutcome outcome) { kept = std::move(outcome); };
  }
  WriteOutcome write(std::string key, std::string value) {
    std::optional<WriteOutcome> kept;
    disk_->write(batch({item(std::move(key), std::move(value))}), keep_written(kept));
    run_until([&] { return kept.has_value(); });
    return *kept;
  }
  LoadOutcome load(std::string key) {
    std::optional<LoadOutcome> kept;
    disk_->load(kCache, std::move(key), keep(kept));
    run_until([&] { return kept.has_value(); });
    return *kept;
  }
};

TEST_F(DiskWorkerTest, every_job_answers_on_the_loop_and_never_at_once) {
  int answers = 0;
  const auto count = [&](const auto&...) { ++answers; };
  disk_->define(2, "b", settings(), count);
  disk_->write(batch({item("k", "v")}), count);
  disk_->erase_some({kCache, "", "", storage::kVersionMax, 0}, 10, count);
  disk_->reserve_versions(100, count);
  disk_->begin_drop(2, count);
  disk_->end_drop(2, count);
  disk_->load(kCache, "k", count);
  disk_->scan(kCache, "", "", 10, count);
  EXPECT_EQ(answers, 0);
  EXPECT_EQ(disk_->writes_pending(), 6);
  EXPECT_EQ(disk_->reads_pending(), 2);
  run_until([&] { return disk_->is_idle(); });
  EXPECT_EQ(answers, 8);
}

TEST_F(DiskWorkerTest, jobs_bring_back_what_the_store_answers) {
  ASSERT_TRUE(std::holds_alternative<Wrote>(write("k", "v")));
  EXPECT_EQ(std::get<Record>(load("k")).value, "v");
  EXPECT_TRUE(std::holds_alternative<Absent>(load("other")));
  std::optional<std::variant<Scanned, StoreError>> scanned;
  disk_->scan(kCache, "", "", 10, keep(scanned));
  run_until([&] { return scanned.has_value(); });
  EXPECT_EQ(std::get<Scanned>(*scanned).keys.at(0).key, "k");
  std::optional<std::variant<ErasedSome, StoreError>> erased;
  disk_->erase_some({kCache, "", "", storage::kVersionMax, 0}, 10, keep(erased));
  run_until([&] { return erased.has_value(); });
  EXPECT_EQ(std::get<ErasedSome>(*erased).erased_live, 1);
}

TEST_F(DiskWorkerTest, writing_jobs_run_one_after_the_other_in_the_order_of_the_calls) {
  std::vector<int> order;
  for (int number = 0; number < 20; ++number) {
    const auto done = [&order, number](const auto&...) { order.push_back(number); };
    if (number % 2 == 0) disk_->write(batch({item("k", std::to_string(number))}), done);
    if (number % 2 == 1) disk_->define(2, std::to_string(number), settings(), done);
  }
  run_until([&] { return disk_->is_idle(); });
  ASSERT_EQ(order.size(), 20);
  EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
  EXPECT_EQ(std::get<Record>(load("k")).value, "18");
}

TEST_F(DiskWorkerTest, loads_and_the_loop_go_on_while_a_write_hangs) {
  write("k", "v");
  env_.hold_syncs();
  std::optional<WriteOutcome> written;
  disk_->write(batch({item("k", "w")}), keep_written(written));
  int loads = 0;
  for (int number = 0; number < 10; ++number) {
    disk_->load(kCache, "k", [&](const LoadOutcome& loaded) {
      EXPECT_TRUE(std::holds_alternative<Record>(loaded));
      ++loads;
    });
  }
  run_until([&] { return loads == 10; });
  EXPECT_FALSE(written);
  EXPECT_EQ(disk_->writes_pending(), 1);
  env_.release_syncs();
  run_until([&] { return written.has_value(); });
  EXPECT_TRUE(std::holds_alternative<Wrote>(*written));
}

TEST_F(DiskWorkerTest, reads_are_answered_in_any_number_and_a_full_queue_shows) {
  const DiskLimits limits{1, 3};
  DiskWorker narrow(loop_, *store_, limits);
  int loads = 0;
  for (int number = 0; number < 3; ++number) {
    narrow.load(kCache, "k", [&](const LoadOutcome&) { ++loads; });
  }
  EXPECT_FALSE(narrow.read_queue_full());
  narrow.load(kCache, "k", [&](const LoadOutcome&) { ++loads; });
  EXPECT_TRUE(narrow.read_queue_full());
  narrow.load(kCache, "k", [&](const LoadOutcome&) { ++loads; });
  run_until([&] { return narrow.is_idle(); });
  EXPECT_EQ(loads, 5);
  EXPECT_FALSE(narrow.read_queue_full());
}

TEST_F(DiskWorkerTest, a_failed_job_answers_its_error_and_the_next_one_reopens_the_store) {
  env_.fails_writes = true;
  const WriteOutcome failed = write("k", "v");
  ASSERT_TRUE(std::holds_alternative<StoreError>(failed));
  EXPECT_THAT(std::get<StoreError>(failed).text, HasSubstr("No space left on device"));
  EXPECT_TRUE(disk_->is_failing());
  const WriteOutcome still = write("k", "v");
  EXPECT_THAT(std::get<StoreError>(still).text, HasSubstr("cannot reopen"));
  env_.fails_writes = false;
  EXPECT_TRUE(std::holds_alternative<Wrote>(write("k", "v")));
  EXPECT_FALSE(disk_->is_failing());
  EXPECT_EQ(std::get<Record>(load("k")).value, "v");
}

TEST_F(DiskWorkerTest, an_image_behind_batches_that_failed_is_an_error_whatever_was_done_between) {
  test::GatedStore store(*store_);
  store.fails_from = 1;
  DiskWorker disk(loop_, store, DiskLimits());
  std::optional<WriteOutcome> first;
  std::optional<WriteOutcome> second;
  std::optional<std::variant<ErasedSome, StoreError>> erased;
  std::optional<std::variant<DiskWorker::Image, StoreError>> image;
  disk.write(batch({item("a", "1")}), keep_written(first));
  disk.erase_some({kCache, "", "", 0, 0}, 10, keep(erased));
  disk.write(batch({item("b", "1")}), keep_written(second));
  disk.open_image(keep(image));
  store.let_through(1);
  run_until([&] { return disk.is_idle(); });
  EXPECT_TRUE(std::holds_alternative<StoreError>(*first));
  EXPECT_TRUE(std::holds_alternative<StoreError>(*second));
  EXPECT_TRUE(std::holds_alternative<ErasedSome>(*erased)) << "it opened the store again";
  EXPECT_TRUE(std::holds_alternative<StoreError>(*image)) << "an image without what comes before it";
}

TEST_F(DiskWorkerTest, a_write_that_is_expected_may_come_late_or_never) {
  disk_->expect_write();
  EXPECT_TRUE(disk_->is_idle());
  EXPECT_TRUE(std::holds_alternative<Wrote>(write("soon", "v")));
  disk_->expect_write();
  run_for_ms(5);
  EXPECT_TRUE(std::holds_alternative<Wrote>(write("late", "v")));
  disk_->expect_write();
}

TEST_F(DiskWorkerTest, it_reopens_the_store_without_being_asked) {
  env_.fails_writes = true;
  write("k", "v");
  run_for_ms(150);
  EXPECT_TRUE(disk_->is_failing());
  env_.fails_writes = false;
  run_until([&] { return !disk_->is_failing(); });
  ASSERT_TRUE(disk_->is_idle());
  EXPECT_FALSE(store_->define(3, "c", settings()));
}

TEST_F(DiskWorkerTest, a_callback_may_ask_for_more) {
  std::vector<std::string> seen;
  disk_->write(batch({item("k", "v")}), [&](const storage::Batch&, const WriteOutcome&) {
    seen.push_back("written");
    disk_->load(kCache, "k", [&](const LoadOutcome&) {
      seen.push_back("loaded");
      disk_->reserve_versions(7, [&](const Done&) { seen.push_back("reserved"); });
    });
  });
  run_until([&] { return disk_->is_idle(); });
  EXPECT_THAT(seen, ElementsAre("written", "loaded", "reserved"));
}

/// With the smallest of LevelDB's buffers.
class DiskWorkerRestTest : public DiskWorkerTest {
 protected:
  DiskWorkerRestTest() : DiskWorkerTest({.write_buffer_bytes = std::size_t{64} << 10}) {
    disk_->on_rest_error([this](const StoreError& error) { told_ += error.text; });
  }

  std::size_t files(std::string_view ending) const {
    std::size_t count = 0;
    for (const auto& file : std::filesystem::directory_iterator(dir_.file("durable"))) {
      if (file.path().string().ends_with(ending)) ++count;
    }
    return count;
  }
  bool is_in_a_table() const { return files(".ldb") == 1 && files(".log") == 1; }

  const std::string value_ = std::string(std::size_t{40} << 10, 'v');
  std::string told_;
};

TEST_F(DiskWorkerRestTest, what_is_in_the_log_is_put_into_a_table_when_nothing_is_written_for_a_while) {
  write("k", value_);
  EXPECT_EQ(files(".ldb"), 0);
  run_until([&] { return is_in_a_table(); });
  EXPECT_EQ(std::get<Record>(load("k")).value, value_);
  EXPECT_TRUE(std::holds_alternative<Wrote>(write("other", "v")));
  EXPECT_EQ(told_, "");
}

TEST_F(DiskWorkerRestTest, a_write_does_not_wait_for_the_table) {
  write("k", value_);
  env_.hold_syncs_of_tables();
  run_until([&] { return files(".log") == 2; });
  EXPECT_TRUE(std::holds_alternative<Wrote>(write("other", "v")));
  EXPECT_EQ(files(".log"), 2) << "the table was there already";
  env_.release_syncs();
  run_until([&] { return is_in_a_table(); });
}

TEST_F(DiskWorkerRestTest, where_no_other_log_can_be_made_it_is_told_and_the_store_is_reopened) {
  write("k", value_);
  env_.fails_new_files = true;
  run_until([&] { return !told_.empty(); });
  EXPECT_THAT(told_, HasSubstr("Permission denied"));
  EXPECT_TRUE(disk_->is_failing());
  env_.fails_new_files = false;
  run_until([&] { return !disk_->is_failing(); });
  EXPECT_EQ(std::get<Record>(load("k")).value, value_);
}

TEST_F(DiskWorkerRestTest, a_table_that_cannot_be_made_is_told_although_nobody_writes) {
  write("k", value_);
  env_.fails_new_tables = true;
  run_until([&] { return !told_.empty(); });
  EXPECT_THAT(told_, HasSubstr("Permission denied"));
  EXPECT_TRUE(disk_->is_failing());
  env_.fails_new_tables = false;
  run_until([&] { return !disk_->is_failing() && is_in_a_table(); });
  EXPECT_EQ(std::get<Record>(load("k")).value, value_);
}

}  // namespace
}  // namespace pannier::daemon
