// Spinner decides whether the loop looks for the next request again at once instead of sleeping until it
// comes. Being woken takes the kernel some 10 microseconds, which is most of what a single request takes; but
// a daemon that spins takes a whole processor.
//
// So it spins only while requests come so close together that most are worth waiting for: as long as the
// moving average of the gaps between them is below the time that may be spun at a time.
#pragma once

#include <cstdint>

namespace pannier::daemon {

class Spinner {
 public:
  /// `spin_us`: at most so long after the last request; 0: never.
  explicit Spinner(std::uint32_t spin_us) : spin_ns_(std::uint64_t{spin_us} * 1'000) {}

  bool is_off() const { return spin_ns_ == 0; }
  /// At the end of a pass. `had_requests`: in this pass. Whether to spin through another one.
  bool spins(bool had_requests, std::uint64_t now_ns);

 private:
  /// A gap counts as at most so many times the time to spin, so that a pause is soon forgotten.
  static constexpr std::uint64_t kGapMax = 4;
  /// The weight of the gaps before the last one is this, minus one, in this.
  static constexpr std::uint64_t kSmoothing = 8;

  std::uint64_t spin_ns_;
  std::uint64_t last_ns_ = 0;                  // the last pass with requests
  std::uint64_t gap_ns_ = kGapMax * spin_ns_;  // on average
};

}  // namespace pannier::daemon
