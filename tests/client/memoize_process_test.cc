// memoize() by many processes at once, against the real daemon.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <functional>
#include <thread>
#include <vector>

#include "pannier/memoize.h"
#include "tests/client/daemon_process.h"

namespace pannier::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr int kProcesses = 16;
constexpr auto kLease = seconds(60);

class MemoizeProcessTest : public ::testing::Test {
 protected:
  /// The function that is memoized: its calls are counted in the daemon, those of all processes. The first
  /// takes `time`.
  int slow_double(Client& client, int n, milliseconds time) {
    const bool is_first = client.increment("lru", "calls") == 1;
    client.put("lru", "computing", ::getpid());
    if (is_first) std::this_thread::sleep_for(time);
    return 2 * n;
  }

  /// A process that ends with 0 if slow_double is 42 for it. It begins when the parent closes `gate`.
  pid_t start_caller(const int (&gate)[2], milliseconds time) {
    const pid_t pid = ::fork();
    if (pid != 0) return pid;
    ::close(gate[1]);
    char byte;
    const bool is_open = ::read(gate[0], &byte, 1) == 0;
    Client client(daemon_.options());
    const auto f = memoize(client.cache("lru"), [&](int n) { return slow_double(client, n, time); },
                           {.lease = {.duration = kLease}});
    ::_exit(is_open && f(21) == 42 ? 0 : 1);
  }

  std::vector<pid_t> start_callers(milliseconds time) {
    int gate[2];
    EXPECT_EQ(::pipe(gate), 0);
    std::vector<pid_t> pids;
    for (int i = 0; i < kProcesses; ++i) pids.push_back(start_caller(gate, time));
    ::close(gate[0]);
    ::close(gate[1]);
    return pids;
  }

  static int ended_well(const std::vector<pid_t>& pids) {
    int count = 0;
    for (const pid_t pid : pids) {
      int status = 0;
      ::waitpid(pid, &status, 0);
      count += status == 0 ? 1 : 0;
    }
    return count;
  }

  DaemonProcess daemon_;
  Client client_{daemon_.options()};
};

TEST_F(MemoizeProcessTest, sixteen_processes_that_miss_one_key_compute_it_once) {
  EXPECT_EQ(ended_well(start_callers(milliseconds(100))), kProcesses);
  EXPECT_EQ(client_.get<int>("lru", "calls"), 1);
}

TEST_F(MemoizeProcessTest, holder_that_is_killed_is_replaced_and_nobody_waits_for_its_lease) {
  const auto start = std::chrono::steady_clock::now();
  const auto pids = start_callers(kLease);
  std::optional<pid_t> holder;
  while (!(holder = client_.get<pid_t>("lru", "computing"))) std::this_thread::sleep_for(milliseconds(1));
  ::kill(*holder, SIGKILL);
  EXPECT_EQ(ended_well(pids), kProcesses - 1);
  EXPECT_EQ(client_.get<int>("lru", "calls"), 2);
  EXPECT_LT(std::chrono::steady_clock::now() - start, kLease / 3);
}

}  // namespace
}  // namespace pannier::test
