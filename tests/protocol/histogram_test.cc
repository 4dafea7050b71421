// The histogram against the sorted list of what was noted.
#include "protocol/histogram.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

namespace pannier::protocol {
namespace {

TEST(Histogram, nothing_noted_is_zero_everywhere) {
  const Histogram histogram;
  EXPECT_EQ(histogram.count(), 0U);
  EXPECT_EQ(histogram.quantile_ns(0.5), 0);
}

TEST(Histogram, short_durations_are_told_exactly) {
  for (std::uint64_t ns = 0; ns < 128; ++ns) {
    Histogram histogram;
    histogram.add(ns);
    EXPECT_EQ(histogram.quantile_ns(0.5), static_cast<double>(ns));
  }
}

TEST(Histogram, a_duration_is_off_by_less_than_a_hundredth) {
  for (double ns = 100; ns < 1e12; ns *= 1.0137) {
    Histogram histogram;
    histogram.add(static_cast<std::uint64_t>(ns));
    EXPECT_NEAR(histogram.quantile_ns(1), ns, ns / 100);
  }
}

TEST(Histogram, buckets_follow_each_other_without_a_gap) {
  double before = -1;
  for (std::uint64_t ns = 1; ns < 1 << 20; ns += 1 + ns / 256) {
    Histogram histogram;
    histogram.add(ns);
    EXPECT_GE(histogram.quantile_ns(1), before);
    before = histogram.quantile_ns(1);
  }
}

TEST(Histogram, quantiles_are_those_of_the_sorted_list) {
  Histogram histogram;
  std::vector<std::uint64_t> all;
  std::mt19937_64 random(1);
  for (int i = 0; i < 20'000; ++i) {
    all.push_back(1'000 + random() % 1'000 * (random() % 1'000));
    histogram.add(all.back());
  }
  std::sort(all.begin(), all.end());
  for (const double share : {0.001, 0.1, 0.5, 0.9, 0.99, 0.999, 1.0}) {
    const auto rank = static_cast<std::size_t>(std::ceil(share * static_cast<double>(all.size())));
    const auto exact = static_cast<double>(all[rank - 1]);
    EXPECT_NEAR(histogram.quantile_ns(share), exact, exact / 100) << share;
  }
}

TEST(Histogram, many_at_once_count_as_many) {
  Histogram histogram;
  histogram.add(10, 99);
  histogram.add(100, 1);
  EXPECT_EQ(histogram.count(), 100U);
  EXPECT_EQ(histogram.quantile_ns(0.99), 10);
  EXPECT_EQ(histogram.quantile_ns(0.999), 100);
}

TEST(Histogram, sum_and_largest_are_exact_whatever_the_buckets) {
  Histogram histogram;
  histogram.add(1'000'003, 2);
  histogram.add(7);
  EXPECT_EQ(histogram.sum_ns(), 2'000'013U);
  EXPECT_EQ(histogram.largest_ns(), 1'000'003U);
}

TEST(Histogram, each_bucket_holds_what_is_above_the_one_before_and_not_above_its_last) {
  std::vector<std::uint64_t> all;
  Histogram histogram;
  for (std::uint64_t ns = 1; ns < Histogram::kMaxNs; ns += 1 + ns / 7) {
    all.push_back(ns);
    histogram.add(ns);
  }
  std::uint64_t before = 0;
  histogram.for_each_bucket([&](std::uint64_t last_ns, std::uint64_t count) {
    const auto within =
        std::count_if(all.begin(), all.end(), [&](std::uint64_t ns) { return ns > before && ns <= last_ns; });
    EXPECT_EQ(static_cast<std::uint64_t>(within), count) << last_ns;
    before = last_ns;
  });
  EXPECT_GE(before, all.back());
}

TEST(Histogram, what_is_longer_than_all_buckets_counts_as_the_longest) {
  Histogram histogram;
  histogram.add(~std::uint64_t{0});
  const auto longest = static_cast<double>(Histogram::kMaxNs);
  EXPECT_NEAR(histogram.quantile_ns(1), longest, longest / 100);
}

TEST(Histogram, clear_forgets_all_of_it) {
  Histogram histogram;
  histogram.add(1'000'000);
  histogram.clear();
  EXPECT_EQ(histogram.sum_ns(), 0U);
  EXPECT_EQ(histogram.largest_ns(), 0U);
  histogram.add(5);
  EXPECT_EQ(histogram.count(), 1U);
  EXPECT_EQ(histogram.quantile_ns(1), 5);
}

}  // namespace
}  // namespace pannier::protocol
