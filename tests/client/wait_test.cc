// How a request waits: when it spins before it sleeps, what a signal does, and which process it is in.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <functional>
#include <stdexcept>
#include <string>
#include <thread>

#include "client/process.h"
#include "client/spin.h"
#include "pannier/client.h"
#include "tests/client/scripted_peer.h"

namespace pannier::test {
namespace {

using detail::Spin;
using std::chrono::microseconds;

/// How many of the next waits spin, if one that does takes `spun` and another `slept`.
int spins_of(Spin& spin, int waits, microseconds spun, microseconds slept) {
  int spins = 0;
  for (int i = 0; i < waits; ++i) {
    const bool does = spin.spins();
    spins += does;
    spin.ended(does ? spun : slept);
  }
  return spins;
}

TEST(Spin, none_begins_without_time) {
  Spin spin(microseconds(0));
  EXPECT_EQ(spins_of(spin, 2000, microseconds(1), microseconds(2)), 0);
}

TEST(Spin, all_but_a_trial_spin_where_that_takes_less_time) {
  Spin spin(microseconds(50));
  EXPECT_EQ(spins_of(spin, 10 * 1152, microseconds(15), microseconds(25)), 10 * (1152 - 64));
}

TEST(Spin, only_a_trial_spins_where_that_takes_more_time_or_the_same) {
  Spin spin(microseconds(50));
  EXPECT_EQ(spins_of(spin, 10 * 1152, microseconds(25), microseconds(15)), 10 * 64);
}

TEST(Spin, after_two_in_vain_the_rest_of_the_round_sleeps) {
  Spin spin(microseconds(50));
  EXPECT_EQ(spins_of(spin, 10 * 1152, microseconds(75), microseconds(9000)), 10 * 2);
}

TEST(Spin, one_in_vain_among_many_changes_nothing) {
  Spin spin(microseconds(50));
  int spins = spins_of(spin, 128, microseconds(15), microseconds(25));
  for (int i = 0; i < 10; ++i) {
    spins += spins_of(spin, 1, microseconds(75), microseconds(25));
    spins += spins_of(spin, 99, microseconds(15), microseconds(25));
  }
  EXPECT_EQ(spins, 64 + 1000);
}

TEST(Spin, it_notices_when_what_pays_changes) {
  Spin spin(microseconds(50));
  EXPECT_EQ(spins_of(spin, 1152, microseconds(15), microseconds(25)), 1152 - 64);
  EXPECT_EQ(spins_of(spin, 1152, microseconds(45), microseconds(25)), 64);
}

/// What process_id() is in a child that `fork_child` makes, less the child's own id.
int difference_in_child(const std::function<pid_t()>& fork_child) {
  detail::process_id();
  const pid_t child = fork_child();
  if (child == 0) ::_exit(detail::process_id() == ::getpid() ? 0 : 1);
  int status = 0;
  ::waitpid(child, &status, 0);
  return status;
}

TEST(ProcessId, is_that_of_the_process_in_every_child) {
  EXPECT_EQ(detail::process_id(), ::getpid());
  EXPECT_EQ(difference_in_child([] { return ::fork(); }), 0);
  // Without the handlers of pthread_atfork.
  EXPECT_EQ(difference_in_child([] { return static_cast<pid_t>(::syscall(SYS_fork)); }), 0);
  EXPECT_EQ(detail::process_id(), ::getpid());
}

/// Sends this thread the signal from then on, until it is stopped.
class Signals {
 public:
  Signals() {
    struct sigaction action = {};
    action.sa_handler = [](int) {};
    ::sigaction(SIGUSR1, &action, nullptr);
    thread_ = std::jthread([target = ::pthread_self()](const std::stop_token& stop) {
      while (!stop.stop_requested()) {
        ::pthread_kill(target, SIGUSR1);
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
      }
    });
  }

 private:
  std::jthread thread_;
};

TEST(Wait, what_the_handler_of_a_signal_throws_ends_the_request_and_its_connection) {
  bool was_closed = false;
  {
    ScriptedPeer peer({[&](PeerConnection& connection) {
      connection.next_request();
      was_closed = connection.sees_end();
    }});
    Client client({.path = peer.path(), .on_signal = [] { throw std::runtime_error("enough"); }});
    const Signals signals;
    EXPECT_THROW(client.ping(), std::runtime_error);
    peer.wait_until_done(0);
  }
  EXPECT_TRUE(was_closed);
}

TEST(Wait, a_signal_that_nobody_asks_about_does_not_end_the_request) {
  ScriptedPeer peer({[](PeerConnection& connection) {
    const auto request = connection.next_request();
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    connection.reply(*request, pack("pong"));
    connection.sees_end();
  }});
  Client client({.path = peer.path()});
  const Signals signals;
  EXPECT_NO_THROW(client.ping());
}

TEST(Wait, a_reply_that_comes_after_the_spin_is_awaited) {
  ScriptedPeer peer({[](PeerConnection& connection) {
    while (const auto request = connection.next_request()) {
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
      connection.reply(*request, pack("pong"));
    }
  }});
  Client client({.path = peer.path(), .spin = microseconds(50)});
  for (int i = 0; i < 5; ++i) EXPECT_NO_THROW(client.ping());
}

}  // namespace
}  // namespace pannier::test
