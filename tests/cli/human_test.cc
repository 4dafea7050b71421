// Numbers and tables as people read them.
#include "client/cli/human.h"

#include <gtest/gtest.h>

namespace pannier::cli {
namespace {

TEST(Human, counts_have_separators) {
  EXPECT_EQ(human_count(0), "0");
  EXPECT_EQ(human_count(999), "999");
  EXPECT_EQ(human_count(1000), "1,000");
  EXPECT_EQ(human_count(1234567), "1,234,567");
}

TEST(Human, one_is_told_as_one) {
  EXPECT_EQ(human_count(0, "entry", "entries"), "0 entries");
  EXPECT_EQ(human_count(1, "entry", "entries"), "1 entry");
  EXPECT_EQ(human_count(1'234, "entry", "entries"), "1,234 entries");
}

TEST(Human, bytes_have_the_largest_unit_below_them) {
  EXPECT_EQ(human_bytes(1023), "1023 B");
  EXPECT_EQ(human_bytes(1024), "1.0 KiB");
  EXPECT_EQ(human_bytes(1536), "1.5 KiB");
  EXPECT_EQ(human_bytes((1u << 20) - 1), "1.0 MiB");
  EXPECT_EQ(human_bytes(std::uint64_t{5} << 30), "5.0 GiB");
  EXPECT_EQ(human_bytes(~std::uint64_t{0}), "16.0 EiB");
}

TEST(Human, durations_have_two_units_at_most) {
  EXPECT_EQ(human_duration(0), "0 ms");
  EXPECT_EQ(human_duration(250), "250 ms");
  EXPECT_EQ(human_duration(61'000), "1 min 1 s");
  EXPECT_EQ(human_duration(60'500), "1 min");
  EXPECT_EQ(human_duration(3'720'000), "1 h 2 min");
  EXPECT_EQ(human_duration(90'000'000), "1 d 1 h");
}

TEST(Human, moments_are_of_utc_to_the_second) {
  EXPECT_EQ(human_time(0), "1970-01-01 00:00:00 UTC");
  EXPECT_EQ(human_time(1'769'860'800'999), "2026-01-31 12:00:00 UTC");
}

TEST(Human, rate_of_nothing_is_a_dash) {
  EXPECT_EQ(human_rate(0, 0), "-");
  EXPECT_EQ(human_rate(3, 1), "75.0 %");
}

TEST(Human, columns_are_aligned) {
  EXPECT_EQ(table({{"NAME", "N"}, {"é", "100"}, {"longer", "1"}}, 1),
            "NAME      N\n"
            "é       100\n"
            "longer    1\n");
}

}  // namespace
}  // namespace pannier::cli
