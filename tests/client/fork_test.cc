// What a forked child may do with what it inherited.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <optional>
#include <thread>
#include <tuple>

#include "pannier/client.h"
#include "tests/client/daemon_process.h"

namespace pannier::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// Whether `act` returns true in a forked child. The child ends without destroying what the parent made.
bool holds_in_child(const std::function<bool()>& act) {
  const pid_t pid = ::fork();
  if (pid == 0) {
    bool holds = false;
    try {
      holds = act();
    } catch (const std::exception&) {
    }
    ::_exit(holds ? 0 : 1);
  }
  int status = 0;
  ::waitpid(pid, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

template <class Act>
bool throws_connection_error(Act act) {
  try {
    act();
  } catch (const ConnectionError&) {
    return true;
  }
  return false;
}

class ForkTest : public ::testing::Test {
 protected:
  DaemonProcess daemon_;
  Client client_{daemon_.options()};
};

TEST_F(ForkTest, child_and_parent_use_the_client_side_by_side) {
  client_.put("lru", "n", 0);
  const pid_t pid = ::fork();
  if (pid == 0) {
    for (int i = 0; i < 500; ++i) client_.increment("lru", "n");
    ::_exit(0);
  }
  for (int i = 0; i < 500; ++i) client_.increment("lru", "n");
  int status = 0;
  ::waitpid(pid, &status, 0);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(client_.get<int>("lru", "n"), 1000);
}

TEST_F(ForkTest, child_makes_connections_of_its_own) {
  const auto before = client_.info().server.connections;
  EXPECT_TRUE(holds_in_child([&] { return client_.info().server.connections == before + 1; }));
}

TEST_F(ForkTest, child_does_not_wait_for_the_threads_that_wait_for_a_connection_in_the_parent) {
  auto options = daemon_.options();
  options.pool_size = 1;
  Client client(options);
  auto held = client_.lease<int>("lru", "k").lease;
  std::thread user([&] { client.call("lease", pack(std::tuple("lru", "k"))); });
  std::this_thread::sleep_for(milliseconds(50));
  std::thread waiter([&] { client.ping(); });
  std::this_thread::sleep_for(milliseconds(50));
  EXPECT_TRUE(holds_in_child([&] {
    ::alarm(20);
    client.ping();
    return true;
  }));
  held.reset();
  user.join();
  waiter.join();
}

#ifndef __SANITIZE_ADDRESS__
// The address sanitizer's allocator may be locked by another thread when a process forks, and in the child it
// stays so.
TEST_F(ForkTest, child_does_not_wait_for_threads_that_map_the_memory_in_the_parent) {
  client_.put("lru", "k", 1);
  auto options = daemon_.options();
  options.shared_reads = SharedReads::kAtOnce;
  std::optional<Client> client(options);
  std::atomic<bool> is_over = false;
  std::thread attaching([&] {
    while (!is_over) {
      Client other(options);
      EXPECT_EQ(other.get<int>("lru", "k"), 1);
    }
  });
  for (int i = 0; i < 30; ++i) {
    Client fresh(options);
    std::thread first_use([&] { EXPECT_EQ(fresh.get<int>("lru", "k"), 1); });
    EXPECT_TRUE(holds_in_child([&] {
      ::alarm(20);
      const bool is_read = fresh.get<int>("lru", "k") == 1 && client->get<int>("lru", "k") == 1;
      client.reset();
      return is_read;
    })) << i;
    first_use.join();
  }
  is_over = true;
  attaching.join();
}
#endif

TEST_F(ForkTest, child_that_destroys_the_client_does_not_disturb_the_parent) {
  auto client = std::make_optional<Client>(daemon_.options());
  client->put("lru", "k", 1);
  EXPECT_TRUE(holds_in_child([&] {
    client.reset();
    return true;
  }));
  auto options = daemon_.options();
  EXPECT_EQ(client->get<int>("lru", "k"), 1);
}

TEST_F(ForkTest, lease_is_void_in_the_child_and_stays_with_the_parent) {
  auto held = client_.lease<int>("lru", "k").lease;
  ASSERT_TRUE(held);
  EXPECT_TRUE(holds_in_child([&] {
    const bool is_void = throws_connection_error([&] { held->put(1); });
    held.reset();
    return is_void;
  }));
  EXPECT_TRUE(holds_in_child([&] {
    held.reset();
    return true;
  })) << "destroyed without having been used";
  EXPECT_FALSE(client_.lease<int>("lru", "k", {.wait = milliseconds(0)}).lease)
      << "the child has released it";
  EXPECT_TRUE(held->put(2));
}

TEST_F(ForkTest, subscription_is_void_in_the_child_and_stays_with_the_parent) {
  auto subscription = client_.subscribe("lru");
  client_.put("lru", "k", 1);
  EXPECT_TRUE(
      holds_in_child([&] { return throws_connection_error([&] { subscription.next(milliseconds(0)); }); }));
  EXPECT_TRUE(subscription.next(seconds(20)));
}

}  // namespace
}  // namespace pannier::test
