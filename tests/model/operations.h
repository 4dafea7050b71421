// How many operations a random run has, and how often everything is verified: in builds without NDEBUG, which
// those with sanitizers are, after every single one.
#pragma once

#include <cstdint>

namespace pannier::storage {

#ifdef NDEBUG
inline constexpr bool kChecksEach = false;
#else
inline constexpr bool kChecksEach = true;
#endif

inline constexpr std::uint64_t kOperations = kChecksEach ? 7'000 : 1'000'000;
inline constexpr std::uint64_t kOperationsACheck = kChecksEach ? 1 : 1'000;

}  // namespace pannier::storage
