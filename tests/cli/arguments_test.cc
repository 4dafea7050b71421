// Durations and sizes as people write them.
#include "client/cli/arguments.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>

namespace pannier::cli {
namespace {

using std::chrono::milliseconds;

TEST(Duration, is_read_with_its_units) {
  EXPECT_EQ(parse_duration("500ms"), milliseconds(500));
  EXPECT_EQ(parse_duration("30s"), milliseconds(30'000));
  EXPECT_EQ(parse_duration("5m"), milliseconds(300'000));
  EXPECT_EQ(parse_duration("2h"), milliseconds(7'200'000));
  EXPECT_EQ(parse_duration("7d"), milliseconds(604'800'000));
  EXPECT_EQ(parse_duration("1h30m"), milliseconds(5'400'000));
  EXPECT_EQ(parse_duration("0"), milliseconds(0));
}

TEST(Duration, without_unit_or_number_is_none) {
  for (const char* text : {"", "5", "m", "5x", "5m3", "-5m", "1.5s", " 5m", "5 m", "5m "}) {
    EXPECT_EQ(parse_duration(text), std::nullopt) << text;
  }
}

TEST(Duration, ends_at_the_limit_of_the_contract) {
  EXPECT_EQ(parse_duration("9007199254740992ms"), milliseconds(std::int64_t{1} << 53));
  EXPECT_EQ(parse_duration("9007199254740993ms"), std::nullopt);
  EXPECT_EQ(parse_duration("9007199254740992ms1ms"), std::nullopt);
  EXPECT_EQ(parse_duration("18446744073709551615d"), std::nullopt);
}

TEST(Size, is_read_with_its_unit) {
  EXPECT_EQ(parse_size("0"), 0u);
  EXPECT_EQ(parse_size("1000"), 1000u);
  EXPECT_EQ(parse_size("64K"), 65'536u);
  EXPECT_EQ(parse_size("2M"), 2'097'152u);
  EXPECT_EQ(parse_size("1G"), 1'073'741'824u);
}

TEST(Size, of_anything_else_is_none) {
  for (const char* text :
       {"", "K", "1T", "1KB", "-1", "1.5M", "18446744073709551615K", "18446744073709551616"}) {
    EXPECT_EQ(parse_size(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace pannier::cli
