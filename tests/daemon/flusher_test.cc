#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

#include "tests/daemon/flusher_fixture.h"
#include "tests/daemon/gated_store.h"

namespace pannier::daemon {
namespace {

using storage::DirtyTotals;
using storage::Record;
using storage::StoreError;
using ::testing::HasSubstr;

// -- when it writes

TEST_F(FlusherTest, nothing_is_written_before_the_interval_has_passed_and_everything_after) {
  start(1'000, std::uint64_t{1} << 40);
  put("k", "v");
  run_for_ms(100);
  EXPECT_EQ(on_disk("k"), "(absent)");
  put("l", "w");
  run_until([&] { return dirty().entries == 0; });
  EXPECT_EQ(on_disk("k"), "v");
  EXPECT_EQ(on_disk("l"), "w");
  EXPECT_EQ(flusher_->written().entries, 2);
}

TEST_F(FlusherTest, the_interval_begins_anew_with_the_next_entry) {
  start(50, std::uint64_t{1} << 40);
  put("k", "v");
  run_until([&] { return dirty().entries == 0; });
  run_for_ms(60);
  put("l", "w");
  EXPECT_EQ(dirty().entries, 1);
  run_until([&] { return dirty().entries == 0; });
  EXPECT_EQ(on_disk("l"), "w");
}

TEST_F(FlusherTest, many_dirty_bytes_are_written_at_once_and_all_of_them) {
  start(3'600'000, 100'000);
  put("a", std::string(60'000, 'x'));
  run_for_ms(30);
  EXPECT_EQ(dirty().entries, 1);
  put("b", std::string(60'000, 'x'));
  run_until([&] { return dirty().entries == 0; });
  EXPECT_NE(on_disk("a"), "(absent)");
  EXPECT_NE(on_disk("b"), "(absent)");
}

TEST_F(FlusherTest, a_checkpoint_goes_on_over_several_batches) {
  start(3'600'000, std::uint64_t{11} << 20);
  for (const char* key : {"a", "b", "c", "d"}) put(key, std::string(std::size_t{3} << 20, 'x'));
  run_until([&] { return dirty().entries == 0; });
  EXPECT_EQ(flusher_->written().entries, 4);
}

TEST_F(FlusherTest, erased_entries_are_erased_on_disk) {
  start_idle();
  put("k", "v");
  sync();
  cache_->erase("k", std::nullopt, clock_.now());
  EXPECT_EQ(sync(), std::nullopt);
  EXPECT_EQ(on_disk("k"), "(absent)");
  EXPECT_EQ(cache_->entries(), 0);
}

// -- what it tells

TEST_F(FlusherTest, it_tells_what_was_written_and_when) {
  Flusher& flusher = start_idle();
  EXPECT_EQ(flusher.info(kCache).last_sync_ms, std::nullopt);
  put("key", "value");
  sync();
  EXPECT_EQ(flusher.written().entries, 1);
  EXPECT_EQ(flusher.written().bytes, 8);
  EXPECT_EQ(flusher.info(kCache).written.entries, 1);
  EXPECT_EQ(flusher.info(kCache).written.bytes, 8);
  EXPECT_GE(flusher.info(kCache).last_sync_ms, 1'000'000);
  EXPECT_EQ(flusher.info(kCache).sync_errors, 0);
  flusher.forget(kCache);
  EXPECT_EQ(flusher.info(kCache).last_sync_ms, std::nullopt);
  flusher.synced(kCache);
  EXPECT_GE(flusher.info(kCache).last_sync_ms, 1'000'000);
}

// -- a disk that fails

TEST_F(FlusherTest, waiters_of_a_failed_batch_get_its_error_and_the_entries_stay_dirty) {
  start_idle();
  put("k", "v");
  env_.fails_writes = true;
  const auto error = sync();
  ASSERT_TRUE(error);
  EXPECT_THAT(error->text, HasSubstr("No space left on device"));
  EXPECT_EQ(dirty().entries, 1);
  EXPECT_EQ(flusher_->info(kCache).sync_errors, 1);
  const auto again = cache_->get("k", clock_.now());
  EXPECT_TRUE(std::holds_alternative<storage::Hit>(again));
}

TEST_F(FlusherTest, a_clock_that_was_set_back_delays_no_checkpoint) {
  start(10, std::uint64_t{1} << 40);
  ASSERT_TRUE(std::holds_alternative<storage::Written>(cache_->put("k", "v", {}, clock_.now() + 86'400'000)));
  flusher_->poke();
  run_until([&] { return dirty().entries == 0; });
  EXPECT_EQ(on_disk("k"), "v");
}

TEST_F(FlusherTest, the_log_has_the_reason_of_a_failure_and_the_advice_on_it) {
  start_idle().advise([](const StoreError& error) {
    return error.text.find("No space") == std::string::npos ? "" : ". Make room";
  });
  put("k", "v");
  env_.fails_writes = true;
  testing::internal::CaptureStderr();
  EXPECT_TRUE(sync());
  EXPECT_THAT(testing::internal::GetCapturedStderr(), HasSubstr("No space left on device. Make room\n"));
}

TEST_F(FlusherTest, a_failed_batch_is_tried_again_by_itself) {
  start_idle();
  put("k", "v");
  env_.fails_syncs = true;
  EXPECT_TRUE(sync());
  env_.fails_syncs = false;
  run_until([&] { return dirty().entries == 0; });
  EXPECT_EQ(on_disk("k"), "v");
  EXPECT_EQ(cache_->entries(), 1);
}

TEST_F(FlusherTest, nothing_is_taken_while_the_answers_of_what_failed_are_still_to_come) {
  test::GatedStore store(*store_);
  disk_.emplace(loop_, store, DiskLimits());
  start(3'600'000, 1);  // nobody is waited for to come
  int keys = 0;
  const auto put_batches = [&](std::uint64_t batches) {
    for (std::uint64_t left = batches * storage::BatchLimits().items_max; left > 0; --left)
      put("k" + std::to_string(keys++), "v");
  };
  const auto wait_in_flight = [&] {
    run_until([&] { return catalog_.write_back().waiting().entries == 0; });
  };
  bool has_failed = false;
  put_batches(8);
  const std::uint64_t third = 3 * storage::BatchLimits().items_max;
  flusher_->wait_clean(third, [&](const auto&) {
    // The answers of five are still to come when the write behind theirs fails.
    while (store.failed == 0) std::this_thread::yield();
    put_batches(1);
  });
  flusher_->wait_clean(sequence() + 1, [&](const auto& error) { has_failed = error.has_value(); });
  wait_in_flight();
  store.let_through(1);  // the first alone; those behind it are one write
  run_until([&] { return cache_->dirty().entries == 7 * storage::BatchLimits().items_max; });
  put_batches(4);
  wait_in_flight();
  store.fails_from = 3;
  store.fails_until = 4;
  store.let_through(1'000'000);
  run_until([&] { return has_failed; });
  ASSERT_FALSE(sync());
  EXPECT_EQ(dirty().entries, 0);
  EXPECT_EQ(cache_->entries(), keys);
  run_until([this] { return disk_->is_idle(); });
  flusher_.reset();
  disk_.emplace(loop_, *store_, DiskLimits());
}

TEST_F(FlusherTest, tries_become_rarer_while_the_disk_fails) {
  start_idle();
  put("k", "v");
  env_.fails_writes = true;
  sync();
  const auto errors = [&] { return flusher_->info(kCache).sync_errors; };
  run_for_ms(1'000);
  EXPECT_LE(errors(), 5);
  run_until([&] { return errors() >= 3; });
}

TEST_F(FlusherTest, those_who_wait_between_two_tries_get_the_outcome_of_the_next) {
  start_idle();
  put("k", "v");
  env_.fails_writes = true;
  EXPECT_TRUE(sync());
  env_.fails_writes = false;
  EXPECT_EQ(sync(), std::nullopt);
  EXPECT_EQ(on_disk("k"), "v");
}

TEST_F(FlusherTest, an_entry_that_was_erased_after_its_batch_failed_does_not_come_back) {
  start_idle();
  put("k", "v");
  env_.fails_syncs = true;
  EXPECT_TRUE(sync());
  cache_->erase("k", std::nullopt, clock_.now());
  env_.fails_syncs = false;
  EXPECT_EQ(sync(), std::nullopt);
  run_until([&] { return !disk_->is_failing() && disk_->is_idle(); });
  EXPECT_EQ(on_disk("k"), "(absent)");
  EXPECT_EQ(cache_->entries(), 0);
}

// -- the end

TEST_F(FlusherTest, a_drain_writes_everything) {
  Flusher& flusher = start_idle();
  for (int number = 0; number < 3; ++number) {
    put(std::to_string(number), std::string(std::size_t{3} << 20, 'x'));
  }
  std::optional<std::optional<StoreError>> drained;
  flusher.drain([&](std::optional<StoreError> error) { drained = std::move(error); });
  run_until([&] { return drained.has_value(); });
  EXPECT_EQ(*drained, std::nullopt);
  EXPECT_EQ(dirty().entries, 0);
}

TEST_F(FlusherTest, a_drain_of_nothing_is_done_at_once) {
  bool is_done = false;
  start_idle().drain([&](const std::optional<StoreError>& error) { is_done = !error; });
  EXPECT_TRUE(is_done);
}

TEST_F(FlusherTest, a_drain_tries_again_until_the_disk_works) {
  Flusher& flusher = start_idle();
  put("k", "v");
  env_.fails_writes = true;
  std::optional<std::optional<StoreError>> drained;
  flusher.drain([&](std::optional<StoreError> error) { drained = std::move(error); });
  run_for_ms(250);
  EXPECT_FALSE(drained);
  env_.fails_writes = false;
  run_until([&] { return drained.has_value(); });
  EXPECT_EQ(*drained, std::nullopt);
  EXPECT_EQ(on_disk("k"), "v");
}

TEST_F(FlusherTest, a_hurried_drain_gives_up_with_the_error) {
  Flusher& flusher = start_idle();
  put("k", "v");
  env_.fails_writes = true;
  std::optional<std::optional<StoreError>> drained;
  flusher.drain([&](std::optional<StoreError> error) { drained = std::move(error); });
  run_until([&] { return flusher.info(kCache).sync_errors > 0; });
  flusher.hurry();
  run_until([&] { return drained.has_value(); });
  ASSERT_TRUE(*drained);
  EXPECT_EQ(dirty().entries, 1);
}

TEST_F(FlusherTest, a_hurried_drain_ends_with_what_is_in_flight_and_leaves_the_rest) {
  Flusher& flusher = start_idle();
  for (int number = 0; number < 4; ++number) {
    put(std::to_string(number), std::string(std::size_t{5} << 20, 'x'));
  }
  env_.hold_syncs();
  std::optional<std::optional<StoreError>> drained;
  std::optional<StoreError> told;
  flusher.wait_clean(catalog_.write_back().sequence_last(),
                     [&](std::optional<StoreError> error) { told = std::move(error); });
  flusher.drain([&](std::optional<StoreError> error) { drained = std::move(error); });
  run_until([&] { return !catalog_.write_back().has_batch(); });
  flusher.hurry();
  run_for_ms(50);
  EXPECT_FALSE(drained);
  env_.release_syncs();
  run_until([&] { return drained.has_value(); });
  EXPECT_EQ(*drained, std::nullopt);
  EXPECT_TRUE(told) << "who waits for what is left out is told";
  EXPECT_EQ(dirty().entries, 2);
  EXPECT_NE(on_disk("0"), "(absent)");
}

// -- points

/// What waiting for a point came to: "point", "none", or the error.
std::string told(const std::variant<Flusher::AtPoint, Flusher::NoPoint, StoreError>& outcome) {
  if (const auto* error = std::get_if<StoreError>(&outcome)) return error->text;
  return std::holds_alternative<Flusher::AtPoint>(outcome) ? "point" : "none";
}

TEST_F(FlusherTest, a_point_is_now_when_nothing_is_dirty) {
  start_idle();
  std::string outcome;
  flusher_->wait_point([&](const auto& what) { outcome = told(what); });
  EXPECT_EQ(outcome, "point");
}

TEST_F(FlusherTest, at_a_point_the_disk_will_hold_what_memory_holds) {
  start_idle();
  std::optional<DiskWorker::Image> image;
  std::string then;
  put("a", "0");
  put("b", "0");
  flusher_->wait_point([&](const auto& what) {
    ASSERT_EQ(told(what), "point");
    then = std::get<storage::Hit>(cache_->find("a", clock_.now())).entry.value.str();
    disk_->open_image([&](auto opened) { image = std::get<DiskWorker::Image>(std::move(opened)); });
  });
  for (int i = 1; !image; ++i) {
    put("a", std::to_string(i));
    put("b", std::to_string(i));
    pass();
  }
  ASSERT_FALSE(sync());
  const auto piece = std::get<storage::ImagePiece>((*image)->read(kCache, "", 1'000'000));
  ASSERT_EQ(piece.records.size(), 2);
  EXPECT_EQ(piece.records[0].record.value, then);
  EXPECT_EQ(piece.records[1].record.value, then);
}

TEST_F(FlusherTest, there_is_no_point_where_more_becomes_dirty_than_may_be_in_flight) {
  start_idle();
  char letter = 'a';
  // Each is a batch of its own, and all of them are more than may be in flight.
  constexpr std::size_t kEntries = 40;
  const std::size_t bytes = storage::BatchLimits().bytes_max + 1;
  ASSERT_GT(kEntries * bytes, storage::WriteBack::kInFlightBytesMax);
  const auto make_dirty = [&] {
    letter = letter == 'z' ? 'a' : static_cast<char>(letter + 1);
    for (std::size_t i = 0; i < kEntries; ++i) {
      const std::string key = "k" + std::to_string(i);
      if (cache_->dirty_sequence(key) == 0) put(key, std::string(bytes, letter));
    }
  };
  std::string outcome;
  make_dirty();
  flusher_->wait_point([&](const auto& what) { outcome = told(what); });
  // However long the disk takes for so many.
  while (outcome.empty() && flusher_->written().entries < std::size_t{2} * Flusher::kPointTriesMax) {
    make_dirty();
    pass();
  }
  EXPECT_EQ(outcome, "none");
}

TEST_F(FlusherTest, an_image_behind_a_batch_that_failed_is_an_error) {
  start_idle();
  env_.fails_writes = true;
  put("k", "v");
  // The point comes with the very batch that then fails.
  std::optional<std::variant<DiskWorker::Image, StoreError>> image;
  flusher_->wait_point([&](const auto& what) {
    ASSERT_EQ(told(what), "point");
    disk_->open_image([&](auto opened) { image = std::move(opened); });
  });
  run_until([&] { return image.has_value(); });
  EXPECT_THAT(std::get<StoreError>(*image).text, HasSubstr("could not be written"));
  env_.fails_writes = false;
}

}  // namespace
}  // namespace pannier::daemon
