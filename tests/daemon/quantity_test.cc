#include "daemon/quantity.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <optional>
#include <string>

namespace pannier::daemon {
namespace {

TEST(Quantity, sizes_have_binary_units) {
  EXPECT_EQ(parse_size("0"), 0U);
  EXPECT_EQ(parse_size("1234"), 1234U);
  for (const std::string text : {"64K", "64k", "64KB", "64KiB", "65536"})
    EXPECT_EQ(parse_size(text), 65'536U) << text;
  EXPECT_EQ(parse_size("3T"), std::uint64_t{3} << 40);
  for (const std::string text : {"", "K", "-1", "1.5G", "1 G", "1X", "1KK", "99999999999G", "0x10"}) {
    EXPECT_EQ(parse_size(text), std::nullopt) << text;
  }
}

TEST(Quantity, durations_have_units) {
  EXPECT_EQ(parse_duration("500ms"), 500U);
  EXPECT_EQ(parse_duration("5s"), 5'000U);
  EXPECT_EQ(parse_duration("2m"), 120'000U);
  EXPECT_EQ(parse_duration("2min"), 120'000U);
  EXPECT_EQ(parse_duration("1h"), 3'600'000U);
  EXPECT_EQ(parse_duration("1d"), 86'400'000U);
  EXPECT_EQ(parse_duration("0"), 0U);
  for (const std::string text : {"", "5", "s", "-5s", "5 s", "5S", "1.5s"})
    EXPECT_EQ(parse_duration(text), std::nullopt) << text;
}

TEST(Quantity, modes_are_octal) {
  for (const std::string text : {"660", "0660", "0o660"}) EXPECT_EQ(parse_mode(text), 0660U) << text;
  for (const std::string text : {"", "888", "1777", "0x1", "rw"})
    EXPECT_EQ(parse_mode(text), std::nullopt) << text;
}

TEST(Quantity, what_is_written_is_read_again_as_the_same) {
  for (const std::uint64_t number :
       {0ULL, 1ULL, 1000ULL, 1024ULL, 65'536ULL, 1'500'000ULL, 3'600'000ULL, 86'400'001ULL}) {
    EXPECT_EQ(parse_size(size_text(number)), number);
    EXPECT_EQ(parse_duration(duration_text(number)), number);
  }
  EXPECT_EQ(parse_mode(mode_text(0640)), 0640U);
}

}  // namespace
}  // namespace pannier::daemon
