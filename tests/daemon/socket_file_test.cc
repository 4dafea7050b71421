#include "daemon/socket_file.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "tests/storage/temp_dir.h"

namespace pannier::daemon {
namespace {

using std::string;

class SocketFileTest : public testing::Test {
 protected:
  std::variant<SocketFile, SocketFault> take(mode_t mode = 0600, const string& group = "") {
    return SocketFile::take(path_, mode, group);
  }
  /// The text of the fault; empty if there is none.
  string fault_of_taking() {
    const auto taken = take();
    const auto* const fault = std::get_if<SocketFault>(&taken);
    return fault == nullptr ? "" : fault->text;
  }
  bool is_there(const string& path) const {
    return std::filesystem::symlink_status(path).type() != std::filesystem::file_type::not_found;
  }
  mode_t mode_there() const {
    struct stat status;
    EXPECT_EQ(lstat(path_.c_str(), &status), 0);
    return status.st_mode & 07777;
  }
  /// The text of the fault of taking this one from the service manager; empty if there is none.
  string fault_of_adopting(OwnedFd passed) {
    const auto adopted = SocketFile::adopt(std::move(passed), path_);
    const auto* const fault = std::get_if<SocketFault>(&adopted);
    return fault == nullptr ? "" : fault->text;
  }
  /// Somebody else's socket at the path.
  OwnedFd bind_there(int type = SOCK_STREAM) const {
    OwnedFd fd(socket(AF_UNIX, type, 0));
    sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    path_.copy(address.sun_path, sizeof address.sun_path - 1);
    EXPECT_EQ(bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    return fd;
  }

  test::TempDir dir_;
  string path_ = dir_.file("s");
  string lock_path_ = path_ + ".lock";
};

TEST_F(SocketFileTest, is_there_while_it_is_kept_and_gone_afterwards) {
  {
    const auto taken = take();
    ASSERT_TRUE(std::holds_alternative<SocketFile>(taken));
    EXPECT_TRUE(is_there(path_) && is_there(lock_path_));
  }
  EXPECT_FALSE(is_there(path_));
  EXPECT_FALSE(is_there(lock_path_));
}

TEST_F(SocketFileTest, has_the_mode_it_is_given_whatever_the_umask_is) {
  const mode_t before = umask(0077);
  for (const mode_t mode : {0600, 0660, 0666, 0640}) {
    const auto taken = take(mode);
    ASSERT_TRUE(std::holds_alternative<SocketFile>(taken));
    EXPECT_EQ(mode_there(), mode);
  }
  EXPECT_EQ(umask(before), mode_t{0077}) << "the umask is what it was";
}

TEST_F(SocketFileTest, has_the_group_it_is_given) {
  const auto taken = take(0660, std::to_string(getegid()));
  ASSERT_TRUE(std::holds_alternative<SocketFile>(taken)) << std::get<SocketFault>(taken).text;
  struct stat status;
  ASSERT_EQ(lstat(path_.c_str(), &status), 0);
  EXPECT_EQ(status.st_gid, getegid());
}

TEST_F(SocketFileTest, a_group_that_does_not_exist_is_a_fault_and_leaves_nothing) {
  const auto taken = take(0660, "no-such-group-here");
  const auto* const fault = std::get_if<SocketFault>(&taken);
  ASSERT_NE(fault, nullptr);
  EXPECT_NE(fault->text.find("\"no-such-group-here\""), string::npos);
  EXPECT_FALSE(is_there(path_));
  EXPECT_FALSE(is_there(lock_path_));
}

TEST_F(SocketFileTest, the_number_that_means_no_group_is_not_taken_for_one) {
  const auto taken = take(0660, "4294967295");
  EXPECT_TRUE(std::holds_alternative<SocketFault>(taken));
}

TEST_F(SocketFileTest, a_second_one_is_refused_with_the_process_that_has_it) {
  const auto first = take();
  ASSERT_TRUE(std::holds_alternative<SocketFile>(first));
  const string fault = fault_of_taking();
  EXPECT_NE(fault.find(path_), string::npos);
  EXPECT_NE(fault.find(std::to_string(getpid())), string::npos);
  EXPECT_TRUE(is_there(path_)) << "the first one's socket stays";
}

TEST_F(SocketFileTest, a_socket_that_nobody_listens_on_is_taken_over) {
  bind_there();
  EXPECT_EQ(fault_of_taking(), "");
  std::ofstream(lock_path_) << "12345\n";
  bind_there();
  EXPECT_EQ(fault_of_taking(), "") << "a lock file without a lock means nothing";
}

TEST_F(SocketFileTest, a_socket_that_somebody_answers_at_is_refused_and_stays) {
  const OwnedFd living = bind_there();
  ASSERT_EQ(listen(living.get(), 1), 0);
  EXPECT_NE(fault_of_taking().find("a daemon answers at " + path_), string::npos);
  EXPECT_TRUE(is_there(path_));
  EXPECT_FALSE(is_there(lock_path_));
}

TEST_F(SocketFileTest, a_listener_whose_queue_is_full_lives_too) {
  const OwnedFd living = bind_there();
  ASSERT_EQ(listen(living.get(), 0), 0);
  std::vector<OwnedFd> clients;
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  path_.copy(address.sun_path, sizeof address.sun_path - 1);
  do {
    clients.emplace_back(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0));
  } while (connect(clients.back().get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  ASSERT_EQ(errno, EAGAIN);
  EXPECT_NE(fault_of_taking().find("a daemon answers"), string::npos);
}

TEST_F(SocketFileTest, a_socket_of_another_kind_is_refused_and_stays) {
  const OwnedFd other = bind_there(SOCK_DGRAM);
  EXPECT_NE(fault_of_taking().find("cannot find out"), string::npos);
  EXPECT_TRUE(is_there(path_));
}

TEST_F(SocketFileTest, what_is_no_socket_is_never_removed) {
  std::ofstream(path_) << "precious";
  EXPECT_NE(fault_of_taking().find("is no socket"), string::npos);
  EXPECT_EQ(std::filesystem::file_size(path_), 8U);
  std::filesystem::remove(path_);
  std::filesystem::create_symlink(dir_.file("elsewhere"), path_);
  EXPECT_NE(fault_of_taking().find("is no socket"), string::npos);
  std::filesystem::remove(path_);
  std::filesystem::create_directory(path_);
  EXPECT_NE(fault_of_taking().find("is no socket"), string::npos);
}

TEST_F(SocketFileTest, a_socket_that_replaced_its_own_is_left_alone) {
  OwnedFd other;
  {
    const auto taken = take();
    ASSERT_TRUE(std::holds_alternative<SocketFile>(taken));
    // Kept, so that its inode is not used again at once.
    std::filesystem::rename(path_, dir_.file("moved"));
    other = bind_there();
  }
  EXPECT_TRUE(is_there(path_));
}

TEST_F(SocketFileTest, one_that_was_passed_is_used_as_it_is_and_stays_afterwards) {
  OwnedFd passed = bind_there();
  ASSERT_EQ(listen(passed.get(), 1), 0);
  const int number = passed.get();
  {
    auto adopted = SocketFile::adopt(std::move(passed), path_);
    ASSERT_TRUE(std::holds_alternative<SocketFile>(adopted));
    EXPECT_EQ(OwnedFd(std::get<SocketFile>(adopted).release_socket()).get(), number);
    EXPECT_FALSE(is_there(lock_path_));
  }
  EXPECT_TRUE(is_there(path_));
}

TEST_F(SocketFileTest, one_that_was_passed_may_be_named_by_another_way_to_the_same_place) {
  OwnedFd passed = bind_there();
  ASSERT_EQ(listen(passed.get(), 1), 0);
  std::filesystem::create_directory_symlink(dir_.file(""), dir_.file("link"));
  path_ = dir_.file("link/s");
  EXPECT_EQ(fault_of_adopting(std::move(passed)), "");
}

TEST_F(SocketFileTest, one_that_was_passed_at_another_path_is_a_fault_that_names_both) {
  OwnedFd passed = bind_there();
  ASSERT_EQ(listen(passed.get(), 1), 0);
  const string there = path_;
  path_ = dir_.file("elsewhere");
  const string fault = fault_of_adopting(std::move(passed));
  EXPECT_NE(fault.find("pannier-socket is " + there + ","), string::npos) << fault;
  EXPECT_NE(fault.find(path_), string::npos);
  EXPECT_TRUE(is_there(there));
}

TEST_F(SocketFileTest, one_that_was_passed_without_a_path_is_a_fault) {
  OwnedFd passed(socket(AF_UNIX, SOCK_STREAM, 0));
  // The kernel gives it a name of its own, which is no path.
  const sockaddr_un unnamed = {AF_UNIX, {}};
  ASSERT_EQ(bind(passed.get(), reinterpret_cast<const sockaddr*>(&unnamed), sizeof unnamed.sun_family), 0);
  ASSERT_EQ(listen(passed.get(), 1), 0);
  EXPECT_NE(fault_of_adopting(std::move(passed)).find("at no path"), string::npos);
}

TEST_F(SocketFileTest, one_that_was_passed_and_does_not_listen_is_a_fault) {
  for (const int type : {SOCK_STREAM, SOCK_DGRAM}) {
    EXPECT_NE(fault_of_adopting(bind_there(type)).find("ListenStream=" + path_), string::npos);
    std::filesystem::remove(path_);
  }
}

TEST_F(SocketFileTest, a_missing_directory_is_a_fault_that_says_what_to_do) {
  path_ = dir_.file("missing/s");
  const string fault = fault_of_taking();
  EXPECT_NE(fault.find("mkdir -p " + dir_.file("missing")), string::npos);
  EXPECT_NE(fault.find(path_), string::npos);
}

TEST_F(SocketFileTest, a_path_of_107_bytes_is_the_longest) {
  const string start = dir_.file("");
  path_ = start + string(kSocketPathBytesMax - start.size(), 'p');
  EXPECT_EQ(fault_of_taking(), "");
  path_ += 'p';
  EXPECT_NE(fault_of_taking().find("108 bytes"), string::npos);
}

}  // namespace
}  // namespace pannier::daemon
