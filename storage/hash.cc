#include "storage/hash.h"

#include <random>

namespace pannier::storage {

std::uint64_t random_seed() {
  std::random_device source;
  return (std::uint64_t{source()} << 32) | source();
}

std::uint64_t point_of(std::uint64_t hash) {
  constexpr std::uint64_t kOdd = 0x5555555555555555;
  constexpr std::uint64_t kPairs = 0x3333333333333333;
  constexpr std::uint64_t kNibbles = 0x0f0f0f0f0f0f0f0f;
  hash = ((hash >> 1) & kOdd) | ((hash & kOdd) << 1);
  hash = ((hash >> 2) & kPairs) | ((hash & kPairs) << 2);
  hash = ((hash >> 4) & kNibbles) | ((hash & kNibbles) << 4);
  return __builtin_bswap64(hash);
}

}  // namespace pannier::storage
