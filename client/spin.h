// Spin decides whether a wait for an answer begins with looking again and again instead of sleeping: to be
// put to sleep and woken may take the kernel longer than the daemon takes to answer.
//
// Whether it pays depends on where the scheduler puts the two processes and on what it costs to wake a
// processor, and spinning changes where it puts them; so it is measured. Of each 1,152 waits, 64 spin, 64
// sleep at once, and the others do what took less time for an answer. Where more than about one spin of 32 is
// in vain, the rest of these waits sleep: such a spin costs what several others gain, and may itself keep the
// daemon from running.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace pannier::detail {

class Spin {
 public:
  using Duration = std::chrono::nanoseconds;

  /// Spins for at most `time`; 0: never.
  explicit Spin(std::chrono::microseconds time) : time_(time) {}

  std::chrono::microseconds time() const { return time_; }
  bool is_off() const { return time_.count() <= 0; }
  /// Whether the wait for the next answer spins.
  bool spins() const {
    if (is_off() || credit_ <= 0) return false;
    if (waits_ < kTrial) return true;
    return waits_ >= 2 * kTrial && spun_ < slept_;
  }
  /// What that wait took. One answer that is long in coming counts no more than a few times the time to spin.
  void ended(Duration took) {
    if (is_off()) return;
    if (spins()) credit_ = took <= time_ ? std::min(credit_ + 1, kCreditMax) : credit_ - kInVain;
    took = std::min<Duration>(took, kTimesMax * time_);
    if (waits_ < kTrial) {
      spun_ += took;
    } else if (waits_ < 2 * kTrial) {
      slept_ += took;
    }
    if (++waits_ == kRound) *this = Spin(time_);
  }

 private:
  static constexpr std::uint32_t kTrial = 64;
  static constexpr std::uint32_t kRound = 18 * kTrial;
  static constexpr int kTimesMax = 4;
  static constexpr int kInVain = 32;  // what a spin in vain takes of the credit; another one gives 1
  static constexpr int kCreditMax = 4 * kInVain;

  std::chrono::microseconds time_;
  std::uint32_t waits_ = 0;  // of this round
  Duration spun_{0};         // in all, while spinning was tried
  Duration slept_{0};
  int credit_ = 2 * kInVain;
};

}  // namespace pannier::detail
