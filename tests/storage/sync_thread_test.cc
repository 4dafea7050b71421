#include "storage/sync_thread.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <thread>

#include "storage/thread_turn.h"

namespace pannier::storage {
namespace {

TEST(SyncThread, what_is_begun_runs_beside_the_caller_and_has_run_when_end_returns) {
  SyncThread thread(go_before_others);
  for (int round = 0; round < 100; ++round) {
    std::atomic<bool> may_go_on = false;
    int done = 0;
    const std::function<void()> sync = [&] {
      while (!may_go_on) std::this_thread::yield();
      ++done;
    };
    thread.begin(sync);
    may_go_on = true;
    thread.end();
    ASSERT_EQ(done, 1);
  }
}

TEST(SyncThread, end_waits_for_a_slow_disk_too) {
  SyncThread thread(go_before_others);
  bool is_done = false;
  const std::function<void()> sync = [&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(30));
    is_done = true;
  };
  thread.begin(sync);
  thread.end();
  EXPECT_TRUE(is_done);
}

TEST(SyncThread, end_returns_at_once_where_nothing_was_begun) {
  SyncThread thread(go_before_others);
  thread.end();
  int done = 0;
  const std::function<void()> sync = [&] { ++done; };
  thread.begin(sync);
  thread.end();
  thread.end();
  EXPECT_EQ(done, 1);
}

}  // namespace
}  // namespace pannier::storage
