#include "daemon/background.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>

namespace pannier::daemon {
namespace {

using storage::TimeMs;

/// Writes its name at each step, and asks for another one at once so many times.
class Writing final : public BackgroundTask {
 public:
  Writing(std::string& to, char name, int again) : to_(to), name_(name), again_(again) {}
  TimeMs step(TimeMs now) override {
    to_.push_back(name_);
    return again_-- > 0 ? now : storage::kNever;
  }

 private:
  std::string& to_;
  char name_;
  int again_;
};

class BackgroundTest : public testing::Test {
 protected:
  void add(char name, TimeMs due, int again) {
    background_.add(due, std::make_shared<Writing>(steps_, name, again));
  }
  /// What one call does that has time for so many steps.
  std::string step(TimeMs now, int steps) {
    background_.step(now, [&] { return --steps > 0; });
    return std::exchange(steps_, {});
  }

  Background background_;
  std::string steps_;
};

TEST_F(BackgroundTest, what_is_hastened_is_due_now_in_its_order) {
  add('a', 500, 0);
  add('b', 10, 0);
  add('c', 300, 0);
  background_.hasten(20);
  EXPECT_EQ(background_.next_due(), 10);
  EXPECT_EQ(step(20, 100), "bca");
}

TEST_F(BackgroundTest, each_task_that_is_due_gets_one_step_a_pass) {
  add('a', 10, 2);
  add('b', 5, 0);
  add('c', 11, 0);
  EXPECT_EQ(background_.next_due(), 5);
  EXPECT_EQ(step(4, 100), "");
  EXPECT_EQ(step(10, 100), "ba");
  EXPECT_EQ(step(11, 100), "ac");
  EXPECT_EQ(step(11, 100), "a");
  EXPECT_EQ(background_.next_due(), storage::kNever);
}

TEST_F(BackgroundTest, those_that_a_pass_had_no_time_for_are_first_in_the_next) {
  for (const char name : {'a', 'b', 'c', 'd', 'e'}) add(name, 10, 1);
  EXPECT_EQ(step(10, 2), "ab");
  EXPECT_EQ(step(10, 2), "cd");
  EXPECT_EQ(step(11, 2), "ea");
  EXPECT_EQ(step(12, 100), "bcde");
}

TEST_F(BackgroundTest, without_any_time_one_step_is_done) {
  add('a', 10, 0);
  add('b', 10, 0);
  EXPECT_EQ(step(10, 0), "a");
  EXPECT_EQ(step(10, 0), "b");
}

}  // namespace
}  // namespace pannier::daemon
