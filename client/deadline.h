// Deadlines of requests: points on the steady clock. Every wait of the library ends at one.
#pragma once

#include <algorithm>
#include <chrono>

namespace pannier::detail {

using Clock = std::chrono::steady_clock;
using Deadline = Clock::time_point;

/// No wait is longer, whatever the caller asks for: keeps the arithmetic of deadlines from overflowing.
inline constexpr std::chrono::milliseconds kWaitMax = std::chrono::hours(24 * 365);

/// `wait` from now; a negative one has passed already.
inline Deadline deadline_after(std::chrono::milliseconds wait) {
  return Clock::now() + std::min(wait, kWaitMax);
}

/// What is left, rounded up to whole milliseconds; 0 from the deadline on.
inline std::chrono::milliseconds time_left(Deadline deadline) {
  return std::max(std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()),
                  std::chrono::milliseconds(0));
}

}  // namespace pannier::detail
