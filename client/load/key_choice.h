// Which keys a load asks for, one after the other: chosen beforehand, so that choosing costs nothing while it
// runs, and the same for every server that is compared.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace pannier::load {

enum class KeyChoice : std::uint8_t {
  kUniform,
  kZipf,  ///< the key of rank r with a probability proportional to r^-0.99, the exponent of YCSB
};

inline constexpr double kZipfExponent = 0.99;

/// "uniform", "zipf".
std::string_view name_of(KeyChoice choice);

/// `count` numbers below `keys`, the same for the same arguments. Zipf by inversion of the cumulated
/// probabilities with a binary search, which is exact (L. Devroye, Non-Uniform Random Variate Generation,
/// 1986, III.2). Ranks are spread over the numbers, so that those asked for most are not neighbors in the
/// order in which they were written. Precondition: keys is 1 at least and below 2^31.
std::vector<std::uint32_t> choose_keys(KeyChoice choice, std::uint32_t keys, std::size_t count,
                                       std::uint64_t seed);

/// The number of the key with this rank, from 0 on.
std::uint32_t number_of_rank(std::uint32_t rank, std::uint32_t keys);

}  // namespace pannier::load
