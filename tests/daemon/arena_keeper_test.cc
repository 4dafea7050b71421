#include "daemon/arena_keeper.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "tests/daemon/memory_dir.h"
#include "tests/daemon/notify_socket.h"

namespace pannier::daemon {
namespace {

using std::string;
using storage::Arena;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr std::uint64_t kBytes = std::uint64_t{2} << 20;

/// Something to know an arena again by.
std::uint64_t mark_of(const Arena& arena) { return arena.header().hash_seed; }

std::uint64_t mark_of_file(const string& path) {
  auto made = Arena::attach_copy(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  return std::holds_alternative<storage::ArenaFault>(made) ? 0 : mark_of(*std::get<0>(made));
}

class ArenaKeeperTest : public testing::Test {
 protected:
  ArenaKeeper make(const string& file_path) {
    auto made = ArenaKeeper::make(file_path, bytes_, manager_, log_);
    if (const auto* fault = std::get_if<ArenaKeeper::Fault>(&made)) ADD_FAILURE() << fault->text;
    return std::get<ArenaKeeper>(std::move(made));
  }
  std::unique_ptr<Arena> take(ArenaKeeper& keeper) {
    auto taken = keeper.take();
    if (const auto* fault = std::get_if<ArenaKeeper::Fault>(&taken)) ADD_FAILURE() << fault->text;
    return std::get<0>(std::move(taken));
  }
  /// A whole life of a daemon that has nothing to change: the mark of its arena.
  std::uint64_t live(const string& file_path) {
    ArenaKeeper keeper = make(file_path);
    const auto arena = take(keeper);
    EXPECT_FALSE(keeper.keep(*arena));
    return mark_of(*arena);
  }

  test::MemoryDir dir_;
  const string path_ = dir_.file("arena");
  std::uint64_t bytes_ = kBytes;
  ServiceManager manager_;
  Log log_{LogLevel::kError};
};

TEST_F(ArenaKeeperTest, with_neither_file_nor_manager_memory_ends_with_the_process) {
  ArenaKeeper keeper = make("");
  EXPECT_FALSE(keeper.outlives_process());
  EXPECT_EQ(keeper.place_text(), "in this process alone");
  const auto arena = take(keeper);
  EXPECT_FALSE(arena->is_attached());
  EXPECT_EQ(arena->bytes(), kBytes);
  EXPECT_FALSE(keeper.keep(*arena));
  EXPECT_NE(live(""), mark_of(*arena));
}

TEST_F(ArenaKeeperTest, a_file_keeps_the_arena_for_the_next_process) {
  const std::uint64_t mark = live(path_);
  ArenaKeeper keeper = make(path_);
  EXPECT_TRUE(keeper.outlives_process());
  EXPECT_EQ(keeper.place_text(), "in the file " + path_);
  const auto arena = take(keeper);
  EXPECT_TRUE(arena->is_attached());
  EXPECT_EQ(mark_of(*arena), mark);
}

TEST_F(ArenaKeeperTest, a_new_file_is_not_in_its_place_before_it_is_kept) {
  ArenaKeeper keeper = make(path_);
  const auto arena = take(keeper);
  EXPECT_TRUE(std::filesystem::is_empty(path_));
  EXPECT_FALSE(keeper.keep(*arena));
  EXPECT_EQ(std::filesystem::file_size(path_), kBytes);
  struct stat status;
  ASSERT_EQ(stat(path_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0600U);
}

TEST_F(ArenaKeeperTest, a_file_is_replaced_by_another_arena_when_that_is_kept) {
  const std::uint64_t mark = live(path_);
  bytes_ = 2 * kBytes;
  ArenaKeeper keeper = make(path_);
  const auto old_arena = take(keeper);
  auto made = keeper.make_fresh(bytes_);
  ASSERT_TRUE(std::holds_alternative<std::unique_ptr<Arena>>(made));
  const auto arena = std::get<0>(std::move(made));
  EXPECT_EQ(mark_of_file(path_), mark);
  EXPECT_FALSE(keeper.keep(*arena));
  EXPECT_EQ(mark_of_file(path_), mark_of(*arena));
  EXPECT_EQ(std::filesystem::file_size(path_), 2 * kBytes);
  EXPECT_FALSE(std::filesystem::exists(path_ + ".new"));
}

TEST_F(ArenaKeeperTest, a_file_that_is_no_arena_is_kept_aside) {
  std::ofstream(path_) << string(kBytes, 'x');
  std::filesystem::permissions(path_, std::filesystem::perms(0600));
  ArenaKeeper keeper = make(path_);
  testing::internal::CaptureStderr();
  const auto arena = take(keeper);
  const string told = testing::internal::GetCapturedStderr();
  EXPECT_THAT(told, HasSubstr("cannot take over the arena file " + path_ + ": this is no arena"));
  EXPECT_THAT(told, HasSubstr("is kept as " + path_ + ".unusable"));
  EXPECT_FALSE(arena->is_attached());
  EXPECT_FALSE(keeper.keep(*arena));
  EXPECT_EQ(std::filesystem::file_size(path_ + ".unusable"), kBytes);
  EXPECT_EQ(mark_of_file(path_), mark_of(*arena));
}

TEST_F(ArenaKeeperTest, a_file_that_cannot_be_had_is_a_fault) {
  const ArenaKeeper keeper = make(path_);
  const auto second = ArenaKeeper::make(path_, bytes_, manager_, log_);
  ASSERT_TRUE(std::holds_alternative<ArenaKeeper::Fault>(second));
  EXPECT_THAT(std::get<ArenaKeeper::Fault>(second).text, HasSubstr("another daemon uses the arena file"));
}

// -- under a service manager

/// The descriptors that a manager passes, in a process of their own: what `is_right` answers there.
bool in_process_with(const std::vector<int>& fds, const string& names,
                     const std::function<bool()>& is_right) {
  const pid_t child = fork();
  if (child == 0) {
    std::vector<int> high;
    for (const int fd : fds) high.push_back(fcntl(fd, F_DUPFD, 100));
    for (std::size_t i = 0; i < high.size(); ++i) dup2(high[i], 3 + static_cast<int>(i));
    setenv("LISTEN_PID", std::to_string(getpid()).c_str(), 1);
    setenv("LISTEN_FDS", std::to_string(fds.size()).c_str(), 1);
    setenv("LISTEN_FDNAMES", names.c_str(), 1);
    _exit(is_right() && !testing::Test::HasFailure() ? 0 : 1);
  }
  int status = -1;
  waitpid(child, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

class ArenaKeeperUnderManagerTest : public ArenaKeeperTest {
 protected:
  ArenaKeeperUnderManagerTest() { manager_ = ServiceManager::from_environment(); }

  /// All that was told since the last call, in lines; of descriptors whether they are this arena's.
  std::vector<string> told(const Arena& arena) {
    std::vector<string> texts;
    struct stat wanted, sent;
    fstat(arena.fd(), &wanted);
    while (auto notification = socket_.receive()) {
      for (char& byte : notification->text) byte = byte == '\n' ? ' ' : byte;
      const bool has_fd = notification->fd.is_open();
      if (has_fd) fstat(notification->fd.get(), &sent);
      texts.push_back(notification->text + (has_fd && sent.st_ino == wanted.st_ino ? " with it" : ""));
    }
    return texts;
  }
  std::unique_ptr<Arena> other_arena() { return std::get<0>(Arena::create(kBytes)); }

  test::NotifySocket socket_;
};

TEST_F(ArenaKeeperUnderManagerTest, a_new_arena_is_given_to_it) {
  ArenaKeeper keeper = make("");
  EXPECT_TRUE(keeper.outlives_process());
  EXPECT_EQ(keeper.place_text(), "with the service manager");
  const auto arena = take(keeper);
  EXPECT_THAT(told(*arena), ElementsAre());
  EXPECT_FALSE(keeper.keep(*arena));
  EXPECT_THAT(told(*arena), ElementsAre("FDSTORE=1 FDNAME=pannier-arena with it"));
}

TEST_F(ArenaKeeperUnderManagerTest, a_file_that_is_configured_is_used_instead) {
  ArenaKeeper keeper = make(path_);
  EXPECT_EQ(keeper.place_text(), "in the file " + path_);
  const auto arena = take(keeper);
  EXPECT_FALSE(keeper.keep(*arena));
  EXPECT_THAT(told(*arena), ElementsAre());
}

TEST_F(ArenaKeeperUnderManagerTest, what_it_passes_is_taken_whatever_stands_before_it) {
  const auto kept = other_arena();
  const auto unrelated = other_arena();
  EXPECT_TRUE(in_process_with({unrelated->fd(), kept->fd()}, "pannier.socket:pannier-arena", [&] {
    manager_ = ServiceManager::from_environment();
    ArenaKeeper keeper = make("");
    const auto arena = take(keeper);
    return arena->is_attached() && mark_of(*arena) == mark_of(*kept) && !keeper.keep(*arena) &&
           told(*arena).empty();
  }));
}

TEST_F(ArenaKeeperUnderManagerTest, there_is_no_moment_without_one_when_another_takes_the_place) {
  const auto kept = other_arena();
  EXPECT_TRUE(in_process_with({kept->fd()}, "pannier-arena", [&] {
    manager_ = ServiceManager::from_environment();
    ArenaKeeper keeper = make("");
    const auto old_arena = take(keeper);
    const auto arena = std::get<0>(keeper.make_fresh(bytes_));
    EXPECT_FALSE(keeper.keep(*arena));
    EXPECT_THAT(told(*arena), ElementsAre("FDSTOREREMOVE=1 FDNAME=pannier-arena-next",
                                          "FDSTORE=1 FDNAME=pannier-arena-next with it",
                                          "FDSTOREREMOVE=1 FDNAME=pannier-arena",
                                          "FDSTORE=1 FDNAME=pannier-arena with it"));
    return true;
  }));
}

TEST_F(ArenaKeeperUnderManagerTest, what_was_left_under_the_second_name_is_found_and_replaced_too) {
  const auto kept = other_arena();
  EXPECT_TRUE(in_process_with({kept->fd()}, "pannier-arena-next", [&] {
    manager_ = ServiceManager::from_environment();
    ArenaKeeper keeper = make("");
    const auto old_arena = take(keeper);
    EXPECT_EQ(mark_of(*old_arena), mark_of(*kept));
    const auto arena = std::get<0>(keeper.make_fresh(bytes_));
    EXPECT_FALSE(keeper.keep(*arena));
    EXPECT_THAT(
        told(*arena),
        ElementsAre("FDSTOREREMOVE=1 FDNAME=pannier-arena", "FDSTORE=1 FDNAME=pannier-arena with it",
                    "FDSTOREREMOVE=1 FDNAME=pannier-arena-next", "FDSTORE=1 FDNAME=pannier-arena with it"));
    return true;
  }));
}

TEST_F(ArenaKeeperUnderManagerTest, of_two_that_a_death_has_left_one_is_taken_and_the_other_forgotten) {
  const auto kept = other_arena();
  const auto next = other_arena();
  EXPECT_TRUE(in_process_with({next->fd(), kept->fd()}, "pannier-arena-next:pannier-arena", [&] {
    manager_ = ServiceManager::from_environment();
    ArenaKeeper keeper = make("");
    const auto arena = take(keeper);
    EXPECT_EQ(mark_of(*arena), mark_of(*kept));
    EXPECT_FALSE(keeper.keep(*arena));
    EXPECT_THAT(told(*arena), ElementsAre("FDSTOREREMOVE=1 FDNAME=pannier-arena-next"));
    return true;
  }));
}

TEST_F(ArenaKeeperUnderManagerTest, what_is_no_arena_is_forgotten_and_one_that_is_found_beside_it_taken) {
  const OwnedFd no_arena(memfd_create("no arena", MFD_CLOEXEC));
  ASSERT_EQ(ftruncate(no_arena.get(), static_cast<off_t>(kBytes)), 0);
  const auto next = other_arena();
  EXPECT_TRUE(in_process_with({no_arena.get(), next->fd()}, "pannier-arena:pannier-arena-next", [&] {
    manager_ = ServiceManager::from_environment();
    ArenaKeeper keeper = make("");
    const auto arena = take(keeper);
    EXPECT_EQ(mark_of(*arena), mark_of(*next));
    EXPECT_FALSE(keeper.keep(*arena));
    EXPECT_THAT(told(*arena), ElementsAre("FDSTOREREMOVE=1 FDNAME=pannier-arena"));
    return true;
  }));
  EXPECT_TRUE(in_process_with({no_arena.get()}, "pannier-arena", [&] {
    manager_ = ServiceManager::from_environment();
    ArenaKeeper keeper = make("");
    const auto arena = take(keeper);
    EXPECT_FALSE(arena->is_attached());
    EXPECT_FALSE(keeper.keep(*arena));
    return told(*arena).back() == "FDSTORE=1 FDNAME=pannier-arena with it";
  }));
}

TEST_F(ArenaKeeperUnderManagerTest, what_it_passes_counts_more_than_a_file) {
  const auto kept = other_arena();
  EXPECT_TRUE(in_process_with({kept->fd()}, "pannier-arena", [&] {
    manager_ = ServiceManager::from_environment();
    ArenaKeeper keeper = make(path_);
    const auto arena = take(keeper);
    return mark_of(*arena) == mark_of(*kept) && !std::filesystem::exists(path_);
  }));
}

}  // namespace
}  // namespace pannier::daemon
