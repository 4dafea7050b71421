#include "client/load/key_choice.h"

#include <algorithm>
#include <cmath>
#include <random>

namespace pannier::load {
namespace {

/// Above every number of keys, so that multiplying with it modulo that number maps no two to one.
constexpr std::uint64_t kPrime = 2'654'435'761;

/// By rank: the probability of it or one before it.
std::vector<double> cumulated(std::uint32_t keys) {
  std::vector<double> sums(keys);
  double sum = 0;
  for (std::uint32_t rank = 0; rank < keys; ++rank) {
    sum += std::pow(static_cast<double>(rank) + 1, -kZipfExponent);
    sums[rank] = sum;
  }
  for (auto& each : sums) each /= sum;
  return sums;
}

/// From 0 to below 1.
class Unit {
 public:
  explicit Unit(std::uint64_t seed) : random_(seed) {}
  double operator()() { return static_cast<double>(random_() >> 11) * 0x1p-53; }

 private:
  std::mt19937_64 random_;
};

}  // namespace

std::string_view name_of(KeyChoice choice) { return choice == KeyChoice::kZipf ? "zipf" : "uniform"; }

std::uint32_t number_of_rank(std::uint32_t rank, std::uint32_t keys) {
  return static_cast<std::uint32_t>(rank * kPrime % keys);
}

std::vector<std::uint32_t> choose_keys(KeyChoice choice, std::uint32_t keys, std::size_t count,
                                       std::uint64_t seed) {
  Unit unit(seed);
  const bool is_zipf = choice == KeyChoice::kZipf;
  const std::vector<double> sums = is_zipf ? cumulated(keys) : std::vector<double>();
  std::vector<std::uint32_t> numbers(count);
  for (auto& number : numbers) {
    const double u = unit();
    const auto rank = is_zipf ? std::upper_bound(sums.begin(), sums.end() - 1, u) - sums.begin()
                              : static_cast<std::ptrdiff_t>(u * static_cast<double>(keys));
    number = number_of_rank(static_cast<std::uint32_t>(rank), keys);
  }
  return numbers;
}

}  // namespace pannier::load
