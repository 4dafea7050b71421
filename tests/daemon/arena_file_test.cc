#include "daemon/arena_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <utility>
#include <variant>

#include "tests/daemon/memory_dir.h"
#include "tests/storage/temp_dir.h"

namespace pannier::daemon {
namespace {

using std::string;
using testing::HasSubstr;

ArenaFile take(const string& path) {
  auto taken = ArenaFile::take(path);
  if (const auto* fault = std::get_if<ArenaFileFault>(&taken)) ADD_FAILURE() << fault->text;
  return std::get<ArenaFile>(std::move(taken));
}

string fault_of_taking(const string& path) {
  const auto taken = ArenaFile::take(path);
  const auto* const fault = std::get_if<ArenaFileFault>(&taken);
  return fault == nullptr ? "" : fault->text;
}

void write_to(int fd, const string& text) {
  ASSERT_EQ(pwrite(fd, text.data(), text.size(), 0), static_cast<ssize_t>(text.size()));
}

string content(const string& path) {
  std::ifstream stream(path);
  std::ostringstream text;
  text << stream.rdbuf();
  return text.str();
}

class ArenaFileTest : public testing::Test {
 protected:
  /// A file as somebody may have left it there.
  void leave(mode_t mode) {
    std::ofstream(path_) << "left";
    ASSERT_EQ(chmod(path_.c_str(), mode), 0);
  }

  test::MemoryDir dir_;
  const string path_ = dir_.file("arena");
};

TEST_F(ArenaFileTest, is_made_empty_for_its_owner_alone) {
  const ArenaFile file = take(path_);
  EXPECT_TRUE(file.is_empty());
  struct stat status;
  ASSERT_EQ(stat(path_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0600U);
}

TEST_F(ArenaFileTest, that_is_there_is_taken_as_it_is) {
  leave(0600);
  const ArenaFile file = take(path_);
  EXPECT_FALSE(file.is_empty());
  EXPECT_EQ(content(path_), "left");
}

TEST_F(ArenaFileTest, of_a_daemon_that_runs_is_refused_until_it_ends) {
  {
    const ArenaFile file = take(path_);
    // Who works with the file may close it: the lock stays.
    { const OwnedFd again = file.open_again(); }
    EXPECT_THAT(fault_of_taking(path_), HasSubstr("another daemon uses the arena file " + path_));
  }
  EXPECT_EQ(fault_of_taking(path_), "");
}

TEST_F(ArenaFileTest, on_a_disk_is_refused_and_not_made) {
  const test::TempDir disk;
  const string path = disk.file("arena");
  EXPECT_THAT(fault_of_taking(path), HasSubstr(path + " would lie in a file system that is not in memory"));
  EXPECT_THAT(fault_of_taking(path), HasSubstr("/dev/shm"));
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST_F(ArenaFileTest, that_is_a_symbolic_link_is_refused) {
  std::ofstream(dir_.file("target")) << "precious";
  std::filesystem::create_symlink(dir_.file("target"), path_);
  EXPECT_THAT(fault_of_taking(path_), HasSubstr(path_ + " is a symbolic link"));
  EXPECT_EQ(content(dir_.file("target")), "precious");
}

TEST_F(ArenaFileTest, that_gives_others_a_right_is_refused_with_its_mode) {
  for (const mode_t mode : {0640, 0604, 0700, 0601, 04600}) {
    leave(mode);
    EXPECT_THAT(fault_of_taking(path_), HasSubstr("has the mode 0")) << mode;
  }
  leave(0644);
  EXPECT_THAT(fault_of_taking(path_), HasSubstr("has the mode 0644"));
}

TEST_F(ArenaFileTest, of_another_user_is_refused_with_both_uids) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can give a file away";
  leave(0600);
  ASSERT_EQ(chown(path_.c_str(), 4711, 0), 0);
  EXPECT_THAT(fault_of_taking(path_),
              HasSubstr("belongs to another user (uid 4711, and this process has uid 0)"));
}

TEST_F(ArenaFileTest, that_is_no_file_is_refused) {
  ASSERT_EQ(mkfifo(path_.c_str(), 0600), 0);
  EXPECT_THAT(fault_of_taking(path_), HasSubstr("is no regular file"));
  std::filesystem::remove(path_);
  std::filesystem::create_directory(path_);
  EXPECT_THAT(fault_of_taking(path_), HasSubstr("Is a directory"));
  EXPECT_THAT(fault_of_taking(path_ + "/"), HasSubstr("add the name of a file"));
  EXPECT_THAT(fault_of_taking(path_ + "/missing/arena"), HasSubstr("cannot open the directory"));
}

TEST_F(ArenaFileTest, a_new_one_takes_the_place_of_the_old_only_when_told_to) {
  leave(0600);
  ArenaFile file = take(path_);
  auto made = file.make_new();
  ASSERT_TRUE(std::holds_alternative<OwnedFd>(made)) << std::get<ArenaFileFault>(made).text;
  write_to(std::get<OwnedFd>(made).get(), "new");
  EXPECT_EQ(content(path_), "left");
  EXPECT_EQ(file.put_new_in_place(), std::nullopt);
  EXPECT_EQ(content(path_), "new");
  EXPECT_FALSE(std::filesystem::exists(path_ + ".new"));
  EXPECT_THAT(fault_of_taking(path_), HasSubstr("another daemon"));
}

TEST_F(ArenaFileTest, a_new_one_that_was_never_finished_is_made_again) {
  std::ofstream(path_ + ".new") << "half";
  ArenaFile file = take(path_);
  ASSERT_TRUE(std::holds_alternative<OwnedFd>(file.make_new()));
  EXPECT_EQ(content(path_ + ".new"), "");
}

TEST_F(ArenaFileTest, a_new_one_that_is_not_put_in_place_goes_with_its_owner) {
  {
    ArenaFile made = take(path_);
    ASSERT_TRUE(std::holds_alternative<OwnedFd>(made.make_new()));
    const ArenaFile file = std::move(made);
    EXPECT_TRUE(std::filesystem::exists(path_ + ".new"));
  }
  EXPECT_FALSE(std::filesystem::exists(path_ + ".new"));
  EXPECT_TRUE(std::filesystem::exists(path_));
}

TEST_F(ArenaFileTest, put_aside_is_kept_instead_of_an_older_one) {
  std::ofstream(path_ + ".unusable") << "older";
  leave(0600);
  ArenaFile file = take(path_);
  EXPECT_EQ(file.put_aside(), std::nullopt);
  EXPECT_EQ(content(path_ + ".unusable"), "left");
  EXPECT_FALSE(std::filesystem::exists(path_));
  ASSERT_TRUE(std::holds_alternative<OwnedFd>(file.make_new()));
  EXPECT_EQ(file.put_new_in_place(), std::nullopt);
  EXPECT_EQ(content(path_), "");
}

}  // namespace
}  // namespace pannier::daemon
