#include "daemon/spinner.h"

#include <gtest/gtest.h>

namespace pannier::daemon {
namespace {

constexpr std::uint64_t kUs = 1'000;

TEST(Spinner, does_nothing_unless_it_is_told_to) {
  Spinner spinner(0);
  EXPECT_TRUE(spinner.is_off());
  for (std::uint64_t now = kUs; now < 100 * kUs; now += kUs) EXPECT_FALSE(spinner.spins(true, now));
}

TEST(Spinner, spins_while_requests_are_close_and_for_its_time_after_the_last) {
  Spinner spinner(50);
  std::uint64_t now = 1'000 * kUs;
  EXPECT_FALSE(spinner.spins(true, now)) << "one request is no sign of another";
  for (int i = 0; i < 30; ++i) spinner.spins(true, now += 10 * kUs);
  EXPECT_TRUE(spinner.spins(false, now + 49 * kUs));
  EXPECT_FALSE(spinner.spins(false, now + 50 * kUs));
}

TEST(Spinner, does_not_spin_where_requests_are_rare) {
  Spinner spinner(50);
  std::uint64_t now = 1'000 * kUs;
  for (int i = 0; i < 30; ++i) spinner.spins(true, now += 10 * kUs);
  int spun = 0;
  for (int i = 0; i < 100; ++i) spun += spinner.spins(true, now += 1'000 * kUs) ? 1 : 0;
  EXPECT_LT(spun, 10);
  EXPECT_FALSE(spinner.spins(true, now + 1'000 * kUs));
}

TEST(Spinner, a_pause_is_soon_forgotten) {
  Spinner spinner(50);
  std::uint64_t now = 1'000 * kUs;
  for (int i = 0; i < 30; ++i) spinner.spins(true, now += 10 * kUs);
  spinner.spins(true, now += 3'600'000'000 * kUs);
  for (int i = 0; i < 10; ++i) spinner.spins(true, now += 10 * kUs);
  EXPECT_TRUE(spinner.spins(false, now + kUs));
}

}  // namespace
}  // namespace pannier::daemon
