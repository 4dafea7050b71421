#include "daemon/clock.h"

#include <gtest/gtest.h>

#include "daemon/uv_timer.h"

namespace pannier::daemon {
namespace {

constexpr storage::TimeMs kSomeDay = 1'700'000'000'000;

TEST(Clock, starts_at_the_wall_time_it_is_given) {
  UvLoop loop;
  const Clock clock(loop, kSomeDay);
  EXPECT_EQ(clock.now(), kSomeDay);
  EXPECT_EQ(clock.uptime_ms(), 0U);
}

TEST(Clock, stands_still_until_the_loop_looks_at_the_time) {
  UvLoop loop;
  const Clock clock(loop, kSomeDay);
  const std::uint64_t start_ms = uv_hrtime() / 1'000'000;
  while (uv_hrtime() / 1'000'000 < start_ms + 5) continue;
  EXPECT_EQ(clock.now(), kSomeDay);
  loop.update_now();
  EXPECT_GE(clock.now(), kSomeDay + 4);
}

TEST(Clock, has_advanced_by_a_timers_delay_when_it_fires) {
  UvLoop loop;
  const Clock clock(loop, kSomeDay);
  storage::TimeMs fired_at = 0;
  std::uint64_t uptime_ms = 0;
  UvTimer timer(loop, [&] {
    fired_at = clock.now();
    uptime_ms = clock.uptime_ms();
  });
  timer.start(20);
  loop.run();
  EXPECT_GE(fired_at, kSomeDay + 20);
  EXPECT_EQ(static_cast<std::uint64_t>(fired_at - kSomeDay), uptime_ms);
}

TEST(Clock, never_goes_backwards_from_pass_to_pass) {
  UvLoop loop;
  const Clock clock(loop, kSomeDay);
  storage::TimeMs last = clock.now();
  int passes_left = 200;
  UvTimer timer(loop, [&] {
    EXPECT_GE(clock.now(), last);
    last = clock.now();
    if (--passes_left > 0) timer.start(static_cast<std::uint64_t>(passes_left % 2));
  });
  timer.start(0);
  loop.run();
  EXPECT_EQ(passes_left, 0);
}

TEST(Clock, the_systems_wall_time_is_in_milliseconds_of_this_century) {
  EXPECT_GT(system_wall_time(), kSomeDay);
  EXPECT_LT(system_wall_time(), 4'102'444'800'000);
}

}  // namespace
}  // namespace pannier::daemon
