#include "daemon/file_limit.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <cstdlib>

namespace pannier::daemon {
namespace {

/// What a process of its own, with these limits, has room for.
[[noreturn]] void exit_with_room(rlim_t soft, rlim_t hard, std::uint32_t connections, std::uint32_t others) {
  const rlimit limit = {soft, hard};
  if (setrlimit(RLIMIT_NOFILE, &limit) != 0) std::exit(255);
  std::exit(static_cast<int>(make_room_for_connections(connections, others)));
}

rlim_t soft_limit() {
  rlimit limit = {};
  getrlimit(RLIMIT_NOFILE, &limit);
  return limit.rlim_cur;
}

TEST(FileLimitDeathTest, a_low_soft_limit_is_raised) {
  EXPECT_EXIT(exit_with_room(32, 256, 100, 50), testing::ExitedWithCode(100), "");
}

TEST(FileLimitDeathTest, what_is_enough_stays_as_it_is) {
  const auto exit_with_limit = [] {
    const rlimit limit = {200, 256};
    setrlimit(RLIMIT_NOFILE, &limit);
    const std::uint32_t room = make_room_for_connections(100, 50);
    std::exit(room == 100 && soft_limit() == 200 ? 0 : 1);
  };
  EXPECT_EXIT(exit_with_limit(), testing::ExitedWithCode(0), "");
}

TEST(FileLimitDeathTest, a_hard_limit_that_cannot_be_raised_leaves_fewer_connections) {
  const auto exit_with_limits = [] {
    const rlimit limit = {32, 64};
    setrlimit(RLIMIT_NOFILE, &limit);
    const std::uint32_t room = make_room_for_connections(100, 50);
    // A privileged process raises the hard one too.
    std::exit((room == 14 && soft_limit() == 64) || (room == 100 && soft_limit() == 150) ? 0 : 1);
  };
  EXPECT_EXIT(exit_with_limits(), testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace pannier::daemon
