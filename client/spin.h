// Spin decides whether a wait begins with looking again and again instead of sleeping: being put to sleep and
// woken takes the kernel longer than the daemon takes to answer.
//
// It pays only where answers come within the time to spin. Each spin that was in vain doubles the number of
// waits that sleep at once before the next try; one that was not makes them none again. So what is slow, or
// has to share this processor, costs next to nothing.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace pannier::detail {

class Spin {
 public:
  /// Spins for at most `time`; 0: never.
  explicit Spin(std::chrono::microseconds time) : time_(time) {}

  std::chrono::microseconds time() const { return time_; }
  /// Whether to spin now. To be asked once for each wait.
  bool begins() {
    if (time_.count() <= 0) return false;
    if (waits_left_ == 0) return true;
    --waits_left_;
    return false;
  }
  /// How that ended: whether what was waited for has come.
  void ended(bool has_come) {
    pause_ = has_come ? 0 : std::clamp<std::uint32_t>(pause_ * 2, 1, kPauseMax);
    waits_left_ = pause_;
  }

 private:
  /// Waits that sleep at once, at most.
  static constexpr std::uint32_t kPauseMax = 1024;

  std::chrono::microseconds time_;
  std::uint32_t pause_ = 0;
  std::uint32_t waits_left_ = 0;
};

}  // namespace pannier::detail
