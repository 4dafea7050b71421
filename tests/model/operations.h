// How many operations a random run has, and how often everything is verified; what each operation tells is
// always compared. Builds without NDEBUG, which those with sanitizers are, verify after every fourth, and
// with PANNIER_LONG set after every single one: that is most of what they do.
#pragma once

#include <cstdint>
#include <cstdlib>

namespace pannier::storage {

#ifdef NDEBUG
inline constexpr bool kChecksEach = false;
#else
inline constexpr bool kChecksEach = true;
#endif

inline constexpr std::uint64_t kOperations = kChecksEach ? 7'000 : 1'000'000;

inline std::uint64_t operations_a_check() {
  if (!kChecksEach) return 1'000;
  return std::getenv("PANNIER_LONG") == nullptr ? 4 : 1;
}

}  // namespace pannier::storage
