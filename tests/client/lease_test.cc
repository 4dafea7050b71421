// Leases against the real daemon: one computes, the others wait.
#include "pannier/lease.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <optional>
#include <thread>
#include <vector>

#include "pannier/client.h"
#include "tests/client/daemon_process.h"

namespace pannier::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr LeaseOptions kNoWait{.wait = milliseconds(0)};

class LeaseTest : public ::testing::Test {
 protected:
  /// The lease of a key that is not there.
  Lease granted(std::string_view key) {
    auto found = client_.lease<int>("lru", key, kNoWait);
    EXPECT_TRUE(found.lease);
    return *std::move(found.lease);
  }

  DaemonProcess daemon_;
  Client client_{daemon_.options()};
};

TEST_F(LeaseTest, value_that_is_there_is_answered) {
  client_.put("lru", "k", 7);
  const auto found = client_.lease<int>("lru", "k");
  EXPECT_EQ(found.value, 7);
  EXPECT_FALSE(found.stale);
  EXPECT_FALSE(found.lease);
}

TEST_F(LeaseTest, one_of_many_computes_and_all_get_the_value) {
  constexpr int kThreads = 8;
  std::atomic<int> computed = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&] {
      auto found = client_.lease<int>("lru", "k", {.duration = seconds(30)});
      if (found.lease) {
        ++computed;
        std::this_thread::sleep_for(milliseconds(50));
        EXPECT_TRUE(found.lease->put(42));
      } else {
        EXPECT_EQ(found.value, 42);
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(computed, 1);
}

TEST_F(LeaseTest, nobody_waits_longer_than_asked) {
  const auto held = granted("k");
  const auto found = client_.lease<int>("lru", "k", kNoWait);
  EXPECT_FALSE(found.value);
  EXPECT_FALSE(found.lease);
}

TEST_F(LeaseTest, lease_that_is_destroyed_passes_to_the_next) {
  auto held = std::optional(granted("k"));
  std::thread waiter([&] { EXPECT_TRUE(client_.lease<int>("lru", "k", {.wait = seconds(20)}).lease); });
  std::this_thread::sleep_for(milliseconds(20));
  held.reset();
  waiter.join();
}

TEST_F(LeaseTest, lease_that_is_assigned_to_is_released) {
  auto held = granted("a");
  held = granted("b");
  EXPECT_TRUE(client_.lease<int>("lru", "a", {.wait = seconds(20)}).lease);
  EXPECT_FALSE(client_.lease<int>("lru", "b", kNoWait).lease);
}

TEST_F(LeaseTest, release_tells_whether_the_lease_was_held) {
  auto held = granted("k");
  client_.put("lru", "k", 1);
  EXPECT_FALSE(held.release()) << "the write has ended it";
  EXPECT_TRUE(granted("other").release());
}

TEST_F(LeaseTest, lease_is_used_up_by_put_and_release) {
  auto held = granted("k");
  EXPECT_TRUE(held.put(1));
  EXPECT_THROW(held.put(2), InvalidArgument);
  EXPECT_THROW(held.release(), InvalidArgument);
}

TEST_F(LeaseTest, put_after_another_write_writes_nothing) {
  auto held = granted("k");
  client_.put("lru", "k", 1);
  EXPECT_EQ(held.put(2), std::nullopt);
  EXPECT_EQ(client_.get<int>("lru", "k"), 1);
}

TEST_F(LeaseTest, token_is_good_for_a_put_over_any_connection) {
  const auto held = granted("k");
  EXPECT_EQ(client_.put("lru", "k", 1, {.lease = held.token() + 1}), std::nullopt);
  EXPECT_TRUE(client_.put("lru", "k", 1, {.lease = held.token()}));
}

TEST_F(LeaseTest, token_is_good_for_a_release_over_any_connection) {
  const auto held = granted("k");
  EXPECT_FALSE(client_.release("lru", "k", held.token() + 1));
  EXPECT_TRUE(client_.release("lru", "k", held.token()));
}

TEST_F(LeaseTest, lease_ends_by_time) {
  auto found = client_.lease<int>("lru", "k", {.duration = milliseconds(20), .wait = milliseconds(0)});
  ASSERT_TRUE(found.lease);
  EXPECT_TRUE(client_.lease<int>("lru", "k", {.wait = seconds(20)}).lease);
  EXPECT_EQ(found.lease->put(1), std::nullopt);
}

TEST_F(LeaseTest, one_refreshes_a_stale_value_and_the_others_use_it) {
  client_.put("lru", "k", 1, {.ttl = milliseconds(0), .stale = seconds(60)});
  auto first = client_.lease<int>("lru", "k", kNoWait);
  EXPECT_EQ(first.value, 1);
  EXPECT_TRUE(first.stale);
  ASSERT_TRUE(first.lease);
  const auto second = client_.lease<int>("lru", "k", kNoWait);
  EXPECT_EQ(second.value, 1);
  EXPECT_TRUE(second.stale);
  EXPECT_FALSE(second.lease);
  first.lease->put(2);
  EXPECT_EQ(client_.get<int>("lru", "k"), 2);
}

TEST_F(LeaseTest, value_of_another_type_gives_the_lease_back) {
  client_.put("lru", "k", "text", {.ttl = milliseconds(0), .stale = seconds(60)});
  EXPECT_THROW(client_.lease<int>("lru", "k", kNoWait), UnpackError);
  EXPECT_TRUE(client_.lease<std::string>("lru", "k", {.wait = seconds(20)}).lease);
}

TEST_F(LeaseTest, lease_outlives_its_client) {
  std::optional<Lease> held;
  {
    Client other(daemon_.options());
    held = std::move(other.lease<int>("lru", "k").lease);
  }
  EXPECT_TRUE(held->put(1));
  EXPECT_EQ(client_.get<int>("lru", "k"), 1);
}

TEST_F(LeaseTest, leases_leave_the_pool_free) {
  auto options = daemon_.options();
  options.pool_size = 1;
  Client small(options);
  std::vector<Lease> leases;
  for (int i = 0; i < 5; ++i) leases.push_back(*std::move(small.lease<int>("lru", std::to_string(i)).lease));
  EXPECT_EQ(small.get<int>("lru", "0"), std::nullopt);
  for (auto& lease : leases) EXPECT_TRUE(lease.put(1));
}

}  // namespace
}  // namespace pannier::test
