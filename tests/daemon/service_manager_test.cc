#include "daemon/service_manager.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "tests/daemon/notify_socket.h"

namespace pannier::daemon {
namespace {

/// Out of the way of descriptors that are passed on: those begin at 3.
OwnedFd memory_file() {
  const OwnedFd low(memfd_create("test", MFD_CLOEXEC));
  return OwnedFd(fcntl(low.get(), F_DUPFD_CLOEXEC, 200));
}

bool is_same_file(int left, int right) {
  struct stat left_status, right_status;
  return fstat(left, &left_status) == 0 && fstat(right, &right_status) == 0 &&
         left_status.st_dev == right_status.st_dev && left_status.st_ino == right_status.st_ino;
}

std::string next_text(test::NotifySocket& socket) {
  const auto received = socket.receive();
  return received ? received->text : "(nothing)";
}

/// Runs it in a process of its own, whose descriptors from 3 on are these two: what it answers.
bool in_process_with(int first, int second, const char* names, const std::function<bool()>& is_right) {
  const pid_t child = fork();
  if (child == 0) {
    // Out of the way of one another first.
    const int high_first = fcntl(first, F_DUPFD, 100);
    const int high_second = fcntl(second, F_DUPFD, 100);
    dup2(high_first, 3);
    dup2(high_second, 4);
    setenv("LISTEN_PID", std::to_string(getpid()).c_str(), 1);
    setenv("LISTEN_FDS", "2", 1);
    setenv("LISTEN_FDNAMES", names, 1);
    _exit(is_right() ? 0 : 1);
  }
  int status = -1;
  waitpid(child, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

TEST(ServiceManager, without_one_everything_goes_nowhere) {
  unsetenv("NOTIFY_SOCKET");
  ServiceManager manager = ServiceManager::from_environment();
  EXPECT_FALSE(manager.is_there());
  EXPECT_EQ(manager.fault(), std::nullopt);
  EXPECT_FALSE(manager.take("arena").is_open());
  const OwnedFd file = memory_file();
  EXPECT_EQ(manager.keep("arena", file.get()), std::nullopt);
  EXPECT_EQ(manager.forget("arena"), std::nullopt);
  EXPECT_EQ(manager.ready(), std::nullopt);
}

TEST(ServiceManager, is_told_how_the_daemon_is) {
  test::NotifySocket socket;
  const ServiceManager manager = ServiceManager::from_environment();
  EXPECT_TRUE(manager.is_there());
  EXPECT_EQ(manager.ready(), std::nullopt);
  EXPECT_EQ(manager.status("serves\n3 caches"), std::nullopt);
  EXPECT_EQ(manager.stopping(), std::nullopt);
  EXPECT_EQ(manager.more_time("2 entries\nleft", 1'500), std::nullopt);
  EXPECT_EQ(manager.alive(), std::nullopt);
  EXPECT_EQ(next_text(socket), "READY=1");
  EXPECT_EQ(next_text(socket), "STATUS=serves 3 caches");
  EXPECT_EQ(next_text(socket), "STOPPING=1");
  EXPECT_EQ(next_text(socket), "STATUS=2 entries left\nEXTEND_TIMEOUT_USEC=1500000");
  EXPECT_EQ(next_text(socket), "WATCHDOG=1");
  EXPECT_EQ(next_text(socket), "(nothing)");
}

TEST(ServiceManager, gets_descriptors_to_keep_and_to_forget) {
  test::NotifySocket socket;
  const ServiceManager manager = ServiceManager::from_environment();
  const OwnedFd file = memory_file();
  EXPECT_EQ(manager.keep("arena", file.get()), std::nullopt);
  EXPECT_EQ(manager.forget("arena"), std::nullopt);
  const auto kept = socket.receive();
  ASSERT_TRUE(kept);
  EXPECT_EQ(kept->text, "FDSTORE=1\nFDNAME=arena");
  EXPECT_TRUE(is_same_file(kept->fd.get(), file.get()));
  EXPECT_EQ(next_text(socket), "FDSTOREREMOVE=1\nFDNAME=arena");
}

TEST(ServiceManager, that_watches_says_how_often_it_wants_to_hear) {
  setenv("WATCHDOG_USEC", "1500000", 1);
  setenv("WATCHDOG_PID", std::to_string(getpid()).c_str(), 1);
  EXPECT_EQ(ServiceManager::from_environment().watchdog_ms(), 1'500);
  EXPECT_EQ(std::getenv("WATCHDOG_USEC"), nullptr);
  EXPECT_EQ(ServiceManager::from_environment().watchdog_ms(), std::nullopt);
}

TEST(ServiceManager, that_watches_another_process_wants_to_hear_nothing) {
  setenv("WATCHDOG_USEC", "1500000", 1);
  setenv("WATCHDOG_PID", "1", 1);
  EXPECT_EQ(ServiceManager::from_environment().watchdog_ms(), std::nullopt);
  unsetenv("WATCHDOG_USEC");
  unsetenv("WATCHDOG_PID");
}

TEST(ServiceManager, that_cannot_be_reached_is_told_with_the_reason) {
  setenv("NOTIFY_SOCKET", "/nonexistent/notify", 1);
  const ServiceManager manager = ServiceManager::from_environment();
  EXPECT_EQ(manager.ready(), "No such file or directory");
  unsetenv("NOTIFY_SOCKET");
}

TEST(ServiceManager, passes_descriptors_on_that_are_found_by_their_names) {
  const OwnedFd socket = memory_file();
  const OwnedFd arena = memory_file();
  EXPECT_TRUE(in_process_with(socket.get(), arena.get(), "pannier.socket:arena", [&] {
    ServiceManager manager = ServiceManager::from_environment();
    const OwnedFd taken = manager.take("arena");
    const bool is_private = (fcntl(taken.get(), F_GETFD) & FD_CLOEXEC) != 0;
    return is_private && is_same_file(taken.get(), arena.get()) && !manager.take("arena").is_open() &&
           !manager.take("other").is_open() && std::getenv("LISTEN_FDS") == nullptr &&
           manager.left() == std::vector<std::string>{"pannier.socket"};
  }));
}

TEST(ServiceManager, several_of_one_name_are_taken_one_after_the_other_and_the_rest_is_closed) {
  const OwnedFd first = memory_file();
  const OwnedFd second = memory_file();
  EXPECT_TRUE(in_process_with(first.get(), second.get(), "arena:arena", [&] {
    ServiceManager manager = ServiceManager::from_environment();
    return is_same_file(manager.take("arena").get(), first.get()) &&
           is_same_file(manager.take("arena").get(), second.get()) && !manager.take("arena").is_open();
  }));
  EXPECT_TRUE(in_process_with(first.get(), second.get(), "arena:arena", [] {
    { const ServiceManager manager = ServiceManager::from_environment(); }
    return fcntl(3, F_GETFD) < 0 && fcntl(4, F_GETFD) < 0;
  }));
}

TEST(ServiceManager, names_that_do_not_fit_the_descriptors_are_a_fault) {
  const OwnedFd file = memory_file();
  EXPECT_TRUE(in_process_with(file.get(), file.get(), "only-one", [] {
    ServiceManager manager = ServiceManager::from_environment();
    return manager.fault() && !manager.take("only-one").is_open();
  }));
}

TEST(ServiceManager, descriptors_that_are_announced_to_another_process_are_not_touched) {
  const OwnedFd file = memory_file();
  EXPECT_TRUE(in_process_with(file.get(), file.get(), "arena:arena", [] {
    setenv("LISTEN_PID", "1", 1);
    { ServiceManager manager = ServiceManager::from_environment(); }
    return fcntl(3, F_GETFD) >= 0;
  }));
}

}  // namespace
}  // namespace pannier::daemon
