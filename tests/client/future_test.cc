// FutureClient against the real daemon.
#include "pannier/future.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "tests/client/daemon_process.h"

namespace pannier::test {
namespace {

using std::chrono::seconds;

class FutureTest : public ::testing::Test {
 protected:
  DaemonProcess daemon_;
  std::optional<FutureClient> client_{std::in_place,
                                      AsyncOptions{.path = daemon_.path(), .request_timeout = seconds(30)}};
};

TEST_F(FutureTest, results_of_several_requests_come_as_futures) {
  auto version = client_->put("lru", "k", 7);
  auto found = client_->get<int>("lru", "k");
  auto miss = client_->get<std::string>("lru", "none");
  EXPECT_TRUE(version.get());
  EXPECT_EQ(found.get(), 7);
  EXPECT_EQ(miss.get(), std::nullopt);
}

TEST_F(FutureTest, error_is_thrown_by_the_future) {
  auto found = client_->get<int>("none", "k");
  EXPECT_THROW(found.get(), ServerError);
  client_->put("lru", "k", "text").get();
  EXPECT_THROW(client_->get<int>("lru", "k").get(), UnpackError);
  EXPECT_THROW(client_->put_raw("lru", "k", "\x01\x02"), InvalidArgument);
}

TEST_F(FutureTest, threads_share_a_client_and_each_sees_its_own_order) {
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&, key = std::to_string(i)] {
      std::vector<std::future<std::int64_t>> sums;
      for (int n = 0; n < 100; ++n) sums.push_back(client_->increment("lru", key));
      for (int n = 0; n < 100; ++n) EXPECT_EQ(sums[static_cast<std::size_t>(n)].get(), n + 1);
    });
  }
  for (auto& thread : threads) thread.join();
}

TEST_F(FutureTest, future_that_is_thrown_away_waits_for_nothing_and_the_request_is_made) {
  client_->put("lru", "k", 1);
  EXPECT_EQ(client_->get<int>("lru", "k").get(), 1);
}

TEST_F(FutureTest, destruction_ends_the_futures_that_are_not_ready) {
  client_->lease<int>("lru", "k").get();
  auto waiting = client_->lease<int>("lru", "k", {.wait = seconds(60)});
  const auto start = std::chrono::steady_clock::now();
  client_.reset();
  EXPECT_LT(std::chrono::steady_clock::now() - start, seconds(20));
  EXPECT_THROW(waiting.get(), ConnectionError);
}

TEST_F(FutureTest, too_many_requests_in_flight_are_refused) {
  FutureClient small({.path = daemon_.path(), .in_flight_max = 1});
  small.lease<int>("lru", "k").get();
  auto waiting = small.lease<int>("lru", "k", {.wait = seconds(60)});
  const auto refused = [&] {
    try {
      small.touch("lru", "k").get();
    } catch (const Error& error) {
      return error.code() == ErrorCode::kOverloaded;
    }
    return false;
  };
  EXPECT_TRUE(refused());
}

TEST_F(FutureTest, client_is_void_in_a_forked_child_and_stays_with_the_parent) {
  client_->put("lru", "k", 1).get();
  const pid_t pid = ::fork();
  if (pid == 0) {
    bool is_void = false;
    try {
      client_->touch("lru", "k");
    } catch (const ConnectionError& error) {
      is_void = !error.may_have_run();
    }
    client_.reset();
    ::_exit(is_void ? 0 : 1);
  }
  int status = 0;
  ::waitpid(pid, &status, 0);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(client_->get<int>("lru", "k").get(), 1);
}

}  // namespace
}  // namespace pannier::test
