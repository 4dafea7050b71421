// Who waits for what is dirty to be on disk: who is called, when, and in which order.
#include <gtest/gtest.h>

#include <cstdint>
#include <optional>
#include <string>

#include "tests/daemon/flusher_fixture.h"

namespace pannier::daemon {
namespace {

using storage::StoreError;

TEST_F(FlusherTest, whoever_waits_for_what_is_clean_is_called_at_once) {
  start_idle();
  bool is_called = false;
  flusher_->wait_clean(sequence(), [&](const std::optional<StoreError>& error) { is_called = !error; });
  EXPECT_TRUE(is_called);
}

TEST_F(FlusherTest, whoever_waits_is_called_when_it_is_on_disk) {
  start_idle();
  put("k", "v");
  EXPECT_EQ(sync(), std::nullopt);
  EXPECT_EQ(on_disk("k"), "v");
  EXPECT_EQ(cache_->entries(), 1);
}

TEST_F(FlusherTest, all_who_wait_in_one_pass_share_one_sync) {
  start_idle();
  const std::uint64_t syncs_before = env_.syncs;
  int called = 0;
  for (int number = 0; number < 100; ++number) {
    put(std::to_string(number), "v");
    flusher_->wait_clean(sequence(),
                         [&](const std::optional<StoreError>& error) { called += error ? 0 : 1; });
  }
  run_until([&] { return called == 100; });
  EXPECT_EQ(env_.syncs - syncs_before, 1);
}

TEST_F(FlusherTest, those_who_come_while_a_batch_is_written_share_the_next) {
  start_idle();
  put("first", "v");
  env_.hold_syncs();
  int called = 0;
  const auto count = [&](const std::optional<StoreError>&) { ++called; };
  flusher_->wait_clean(sequence(), count);
  run_for_ms(30);
  const std::uint64_t syncs_before = env_.syncs;
  for (int number = 0; number < 10; ++number) {
    put(std::to_string(number), "v");
    flusher_->wait_clean(sequence(), count);
  }
  put("first", "w");
  flusher_->wait_clean(sequence(), count);
  run_for_ms(30);
  EXPECT_EQ(called, 0);
  env_.release_syncs();
  run_until([&] { return called == 12; });
  EXPECT_EQ(env_.syncs - syncs_before, 2);
  EXPECT_EQ(on_disk("first"), "w");
}

TEST_F(FlusherTest, who_waits_for_what_is_on_its_way_is_called_before_those_who_came_first) {
  start_idle();
  std::string called;
  const auto wait = [&](std::uint64_t sequence, char name) {
    flusher_->wait_clean(sequence, [&called, name](const std::optional<StoreError>&) { called += name; });
  };
  put("first", "v");
  const std::uint64_t first = sequence();
  env_.hold_syncs();
  wait(first, 'a');
  run_until([&] { return disk_->is_writing(); });
  put("second", "v");
  const std::uint64_t second = sequence();
  wait(second, 'c');
  put("third", "v");
  wait(sequence(), 'e');
  wait(first, 'b');
  wait(second, 'd');
  env_.release_syncs();
  run_until([&] { return called.size() == 5; });
  EXPECT_EQ(called, "abcde");
}

TEST_F(FlusherTest, who_is_called_may_wait_again_at_once) {
  start_idle();
  std::string called;
  const auto wait = [&](char name) {
    flusher_->wait_clean(sequence(), [&, name](const std::optional<StoreError>& error) {
      called += {error ? '!' : '=', name, ' '};
      if (called.size() == 9) env_.fails_writes = false;
      if (!error) put(std::string(1, name), "w");
      flusher_->wait_clean(sequence(), [&called, name](const std::optional<StoreError>& again) {
        called += {again ? '!' : '=', name, ' '};
      });
    });
  };
  env_.fails_writes = true;
  for (const char name : {'a', 'b', 'c'}) {
    put(std::string(1, name), "v");
    wait(name);
  }
  run_until([&] { return called.size() >= 18; });
  EXPECT_EQ(called, "!a !b !c =a =b =c ") << "those who were told of a failure wait for the next try";
  called.clear();
  put("k", "v");
  wait('a');
  wait('b');
  run_until([&] { return called.size() >= 12; });
  EXPECT_EQ(called, "=a =b =a =b ") << "for what became dirty since";
}

TEST_F(FlusherTest, waiters_for_a_cache_that_is_dropped_are_called) {
  start_idle();
  env_.hold_syncs();
  put("k", "v");
  bool is_called = false;
  flusher_->wait_clean(sequence(), [&](const std::optional<StoreError>&) { is_called = true; });
  catalog_.drop("cache");
  flusher_->poke();
  run_until([&] { return is_called; });
}

}  // namespace
}  // namespace pannier::daemon
