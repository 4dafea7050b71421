// What socket_bench makes of its rounds: ratios, whether they scatter, what is wanted of them, and the table.
#include "tests/bench/standing.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/bench/results.h"
#include "tests/bench/socket_targets.h"

namespace pannier::bench {
namespace {

const std::vector<Contestant> kContestants{{.name = kPannierName, .peer = Peer::kPannier},
                                           {.name = "redis", .peer = Peer::kRedis},
                                           {.name = "memcached", .peer = Peer::kMemcached},
                                           {.name = kFloorName}};

std::vector<Figures> rounds(const std::vector<double>& requests_s, double latency_us = 100) {
  std::vector<Figures> figures;
  for (const double each : requests_s)
    figures.push_back({each, latency_us, 2 * latency_us, 3 * latency_us, 1e6 / each, 0.5});
  return figures;
}

/// Pannier at 1.5, 1.6 and 2.0 of Redis, the floor at 4.
Row row_of(const Shape& shape) {
  return {shape, {rounds({150, 160, 200}, 70), rounds({100, 100, 100}), {}, rounds({400, 400, 400}, 25)}};
}

constexpr Shape kGets16x16{.value_bytes = 64, .connections = 16, .depth = 16};

TEST(Standing, a_ratio_is_made_round_by_round) {
  const auto ratio = ratio_of(rounds({100, 400, 90}), rounds({50, 100, 30}), &Figures::requests_s);
  EXPECT_DOUBLE_EQ(ratio.median, 3);
  EXPECT_DOUBLE_EQ(ratio.min, 2);
  EXPECT_DOUBLE_EQ(ratio.max, 4);
  EXPECT_EQ(ratio.text(), "3.00 (2.00..4.00)");
}

TEST(Standing, one_round_that_is_off_does_not_scatter_but_a_wide_middle_does) {
  const auto steady = rounds({100, 100, 100, 100, 100, 100, 100});
  EXPECT_FALSE(is_scattered({steady, rounds({100, 101, 99, 100, 101, 99, 500})}));
  EXPECT_TRUE(is_scattered({steady, rounds({80, 120, 80, 120, 80, 120, 100})}));
  EXPECT_FALSE(is_scattered({steady, {}}));
}

TEST(Standing, lines_are_of_all_but_the_peers_beside_those_who_took_part) {
  const auto lines = lines_of(row_of(kGets16x16), kContestants);
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_EQ(lines[0].contestant, kPannierName);
  EXPECT_EQ(lines[1].contestant, kFloorName);
  EXPECT_DOUBLE_EQ(lines[0].ratios[0]->median, 1.6);
  EXPECT_FALSE(lines[0].ratios[1].has_value());
  EXPECT_DOUBLE_EQ(lines[1].ratios[0]->median, 4);
}

TEST(SocketTargets, each_has_its_side_of_the_bound) {
  const auto verdict = [](Bound bound, double median, double max) {
    return Verdict{
        .shape = "", .own = "", .what = "", .bound = bound, .value = 1.25, .got = {median, 0, max}};
  };
  EXPECT_TRUE(verdict(Bound::kAtLeast, 1.25, 2).is_met());
  EXPECT_EQ(verdict(Bound::kAtLeast, 1.25, 2).sign(), "≥ 1.25");
  EXPECT_EQ(verdict(Bound::kAtLeast, 1.24, 2).sign(), "< 1.25");
  EXPECT_EQ(verdict(Bound::kAtMost, 1.24, 2).sign(), "≤ 1.25");
  EXPECT_EQ(verdict(Bound::kAtMost, 1.26, 2).sign(), "> 1.25");
  EXPECT_TRUE(verdict(Bound::kAtLeastWithinSpread, 1, 1.3).is_met());
  EXPECT_FALSE(verdict(Bound::kAtLeastWithinSpread, 1, 1.2).is_met());
}

TEST(SocketTargets, what_is_wanted_of_a_shape_is_judged_where_the_peer_took_part) {
  const Row row = row_of(kGets16x16);
  const auto all = verdicts({row}, kContestants);
  const auto* const requests = verdict_on(all, row, kPannierName, {&Figures::requests_s, "redis"});
  ASSERT_NE(requests, nullptr);
  EXPECT_EQ(requests->wanted(), "at least 2.80");
  EXPECT_FALSE(requests->is_met());
  EXPECT_EQ(verdict_on(all, row, kPannierName, {&Figures::requests_s, "memcached"}), nullptr);
  EXPECT_EQ(verdict_on(all, row, kFloorName, {&Figures::requests_s, "redis"}), nullptr);
}

TEST(SocketTargets, every_shape_that_is_measured_for_them_has_one) {
  for (const Shape& shape : target_shapes()) {
    const auto some = rounds({100, 100, 100});
    EXPECT_FALSE(verdicts({{shape, {some, some, some, some}}}, kContestants).empty()) << shape.name();
  }
}

TEST(Markdown, a_row_holds_each_ratio_with_its_sign_and_the_floor_beside_it) {
  Results results{.facts = {}, .options = {}, .contestants = kContestants, .rows = {}, .verdicts = {}};
  results.rows.push_back(row_of(kGets16x16));
  results.verdicts = verdicts(results.rows, kContestants);
  const std::string text = markdown_of(results);
  EXPECT_NE(
      text.find("\n| get 64 B, 16 × 16 | 1.60 (1.50..2.00) < 2.80 | 4.00 |  |  | 0.70 (0.70..0.70) | 0.25 "
                "| 0.70 (0.70..0.70) > 0.50 | 0.25 | 0.62 (0.50..0.67) > 0.35 | 0.25 | 50 % | 50 % |\n"),
      std::string::npos)
      << text;
  EXPECT_NE(text.find("0 of 3 targets are met."), std::string::npos) << text;
}

}  // namespace
}  // namespace pannier::bench
