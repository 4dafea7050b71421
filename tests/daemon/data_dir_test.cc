#include "daemon/data_dir.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <string>
#include <variant>

#include "tests/storage/temp_dir.h"

namespace pannier::daemon {
namespace {

using testing::HasSubstr;

std::string fault_of(const std::string& path) {
  const auto taken = take_data_dir(path);
  const auto* const fault = std::get_if<DataDirFault>(&taken);
  return fault == nullptr ? "" : fault->text;
}

TEST(DataDir, is_made_for_its_owner_alone) {
  const test::TempDir temporary;
  const std::string path = temporary.file("data");
  const auto taken = take_data_dir(path);
  ASSERT_TRUE(std::holds_alternative<DataDir>(taken));
  EXPECT_EQ(std::get<DataDir>(taken).database_path, path + "/durable");
  struct stat status;
  ASSERT_EQ(stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0700U);
}

TEST(DataDir, that_is_taken_is_refused_until_it_is_given_back) {
  const test::TempDir temporary;
  {
    const auto taken = take_data_dir(temporary.path());
    ASSERT_TRUE(std::holds_alternative<DataDir>(taken));
    EXPECT_THAT(fault_of(temporary.path()),
                HasSubstr("another daemon uses the data directory " + temporary.path().string()));
  }
  EXPECT_EQ(fault_of(temporary.path()), "");
}

TEST(DataDir, whose_parent_is_missing_is_a_fault_that_says_what_to_do) {
  const test::TempDir temporary;
  // Not the directory itself, which would have other modes than the daemon gives it.
  const std::string advice = "(mkdir -p " + temporary.file("missing") + ")";
  EXPECT_THAT(fault_of(temporary.file("missing/data")), HasSubstr(advice));
  EXPECT_THAT(fault_of(temporary.file("missing/data/")), HasSubstr(advice));
}

TEST(DataDir, that_is_a_file_is_a_fault) {
  const test::TempDir temporary;
  const std::string path = temporary.file("data");
  std::ofstream(path) << "precious";
  EXPECT_THAT(fault_of(path), HasSubstr(path + " is no directory"));
}

TEST(DataDir, of_another_users_daemon_is_refused_to_root) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can write there at all";
  const test::TempDir temporary;
  ASSERT_EQ(fault_of(temporary.path()), "");
  ASSERT_EQ(chown(temporary.file("lock").c_str(), 1, 1), 0);
  EXPECT_THAT(fault_of(temporary.path()),
              HasSubstr("of the user 1, and this process is of 0: start it as that"));
}

}  // namespace
}  // namespace pannier::daemon
