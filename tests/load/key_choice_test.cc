// Which keys are chosen: how often each, and always the same ones.
#include "client/load/key_choice.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <vector>

namespace pannier::load {
namespace {

constexpr std::uint32_t kKeys = 1'000;
constexpr std::size_t kCount = 1'000'000;

/// How often each number was chosen.
std::vector<double> counted(const std::vector<std::uint32_t>& numbers) {
  std::vector<double> counts(kKeys);
  for (const auto number : numbers) ++counts.at(number);
  return counts;
}

/// By Pearson's statistic: about as large as there are keys if the counts are of this distribution, with a
/// deviation of the root of twice that.
double chi_squared(const std::vector<double>& counts, const std::vector<double>& expected) {
  double sum = 0;
  for (std::size_t i = 0; i < counts.size(); ++i)
    sum += (counts[i] - expected[i]) * (counts[i] - expected[i]) / expected[i];
  return sum;
}

const double kChiSquaredMax = kKeys + 6 * std::sqrt(2.0 * kKeys);

TEST(KeyChoice, uniform_chooses_each_key_as_often) {
  const auto counts = counted(choose_keys(KeyChoice::kUniform, kKeys, kCount, 1));
  EXPECT_LT(chi_squared(counts, std::vector<double>(kKeys, double{kCount} / kKeys)), kChiSquaredMax);
}

TEST(KeyChoice, zipf_chooses_by_the_power_of_the_rank) {
  std::vector<double> expected(kKeys);
  double sum = 0;
  for (std::uint32_t rank = 0; rank < kKeys; ++rank) sum += std::pow(rank + 1, -kZipfExponent);
  for (std::uint32_t rank = 0; rank < kKeys; ++rank)
    expected[number_of_rank(rank, kKeys)] = kCount * std::pow(rank + 1, -kZipfExponent) / sum;
  const auto counts = counted(choose_keys(KeyChoice::kZipf, kKeys, kCount, 1));
  EXPECT_LT(chi_squared(counts, expected), kChiSquaredMax);
}

TEST(KeyChoice, every_rank_has_a_number_of_its_own) {
  for (const std::uint32_t keys : {1U, 2U, 800U, 12'800U, 100'000U}) {
    std::set<std::uint32_t> numbers;
    for (std::uint32_t rank = 0; rank < keys; ++rank) numbers.insert(number_of_rank(rank, keys));
    EXPECT_EQ(numbers.size(), keys);
    EXPECT_LT(*numbers.rbegin(), keys);
  }
}

TEST(KeyChoice, the_same_arguments_choose_the_same_keys) {
  for (const auto choice : {KeyChoice::kUniform, KeyChoice::kZipf}) {
    EXPECT_EQ(choose_keys(choice, kKeys, 1'000, 7), choose_keys(choice, kKeys, 1'000, 7));
    EXPECT_NE(choose_keys(choice, kKeys, 1'000, 7), choose_keys(choice, kKeys, 1'000, 8));
  }
}

TEST(KeyChoice, a_single_key_is_always_chosen) {
  for (const auto choice : {KeyChoice::kUniform, KeyChoice::kZipf})
    EXPECT_EQ(choose_keys(choice, 1, 3, 1), std::vector<std::uint32_t>(3, 0));
}

}  // namespace
}  // namespace pannier::load
