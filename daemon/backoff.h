// Backoff: how long to wait before the next try of something that keeps failing. Says how long; whoever holds
// it waits.
#pragma once

#include <algorithm>
#include <cstdint>

namespace pannier::daemon {

class Backoff {
 public:
  static constexpr std::uint64_t kFirstMs = 100;
  static constexpr std::uint64_t kLastMs = 10'000;

  /// After a failure: 100 ms, then twice the last, 10 s at most.
  std::uint64_t next_ms() {
    const std::uint64_t delay_ms = next_ms_;
    next_ms_ = std::min(next_ms_ * 2, kLastMs);
    return delay_ms;
  }
  /// After a success.
  void reset() { next_ms_ = kFirstMs; }

 private:
  std::uint64_t next_ms_ = kFirstMs;
};

}  // namespace pannier::daemon
