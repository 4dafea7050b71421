#include "daemon/spinner.h"

#include <algorithm>

namespace pannier::daemon {

bool Spinner::spins(bool had_requests, std::uint64_t now_ns) {
  if (had_requests) {
    const std::uint64_t gap_ns = std::min(now_ns - last_ns_, kGapMax * spin_ns_);
    gap_ns_ = (gap_ns_ * (kSmoothing - 1) + gap_ns) / kSmoothing;
    last_ns_ = now_ns;
  }
  return gap_ns_ < spin_ns_ && now_ns - last_ns_ < spin_ns_;
}

}  // namespace pannier::daemon
