#include "daemon/log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>

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

TEST(Log, every_level_has_a_name_that_leads_to_it) {
  for (const LogLevel level : {LogLevel::kDebug, LogLevel::kInfo, LogLevel::kWarning, LogLevel::kError}) {
    EXPECT_EQ(log_level_named(log_level_name(level)), level);
    EXPECT_THAT(log_level_names(), testing::HasSubstr(log_level_name(level)));
  }
  EXPECT_EQ(log_level_named("loud"), std::nullopt);
}

}  // namespace
}  // namespace pannier::daemon
