#include "daemon/log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <functional>
#include <string>

#include "daemon/journal.h"

namespace pannier::daemon {
namespace {

std::string logged(LogLevel least, const std::function<void(Log&)>& write) {
  testing::internal::CaptureStderr();
  Log log(least);
  write(log);
  return testing::internal::GetCapturedStderr();
}

TEST(Log, an_event_is_one_line_with_time_and_level) {
  EXPECT_THAT(logged(LogLevel::kInfo, [](Log& log) { log.warning("watch out"); }),
              testing::MatchesRegex("[0-9]+-[0-9]+-[0-9]+T[0-9:.+-]+ warning: watch out\n"));
}

TEST(Log, events_below_the_level_are_left_out) {
  const std::string text = logged(LogLevel::kWarning, [](Log& log) {
    log.debug("a");
    log.info("b");
    log.warning("c");
    log.error("d");
    EXPECT_FALSE(log.shows(LogLevel::kInfo));
    EXPECT_TRUE(log.shows(LogLevel::kError));
  });
  EXPECT_THAT(text, testing::MatchesRegex("[^\n]* warning: c\n[^\n]* error: d\n"));
}

TEST(Log, what_is_in_an_event_cannot_look_like_another) {
  const std::string text = logged(LogLevel::kInfo, [](Log& log) { log.info("a\nb\x1b[0m {} %v"); });
  EXPECT_THAT(text, testing::EndsWith(" info: a\\nb\\x1b[0m {} %v\n"));
}

TEST(Log, for_the_journal_an_event_is_its_level_as_a_number_and_the_text) {
  testing::internal::CaptureStderr();
  struct stat status;
  ASSERT_EQ(fstat(STDERR_FILENO, &status), 0);
  const std::string stream = std::to_string(status.st_dev) + ":" + std::to_string(status.st_ino);
  setenv("JOURNAL_STREAM", stream.c_str(), 1);
  {
    Log log(LogLevel::kDebug);
    log.debug("a");
    log.info("b");
    log.warning("c");
    log.error("d\n<7>e");
  }
  unsetenv("JOURNAL_STREAM");
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "<7>a\n<6>b\n<4>c\n<3>d\\n<7>e\n");
}

TEST(Log, a_journal_that_is_not_standard_error_changes_nothing) {
  setenv("JOURNAL_STREAM", "1:1", 1);
  EXPECT_FALSE(stderr_is_journal());
  EXPECT_THAT(logged(LogLevel::kInfo, [](Log& log) { log.error("e"); }), testing::EndsWith(" error: e\n"));
  unsetenv("JOURNAL_STREAM");
}

TEST(Log, every_level_has_a_name_that_leads_to_it) {
  EXPECT_EQ(log_level_names(), "debug, info, warning, error");
  EXPECT_EQ(log_level_named("debug"), LogLevel::kDebug);
  EXPECT_EQ(log_level_named("info"), LogLevel::kInfo);
  EXPECT_EQ(log_level_named("warning"), LogLevel::kWarning);
  EXPECT_EQ(log_level_named("error"), LogLevel::kError);
  EXPECT_EQ(log_level_named("loud"), std::nullopt);
}

}  // namespace
}  // namespace pannier::daemon
