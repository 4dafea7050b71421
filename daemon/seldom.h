// Seldom: how often something is told that may happen very often: once in a while, and then how often it was
// left out since.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>

#include "storage/types.h"

namespace pannier::daemon {

class Seldom {
 public:
  explicit Seldom(storage::TimeMs pause_ms) : pause_ms_(pause_ms) {}

  /// It happens at `now`. How often it has happened untold since it was told last, if it is to be told.
  std::optional<std::uint64_t> told(storage::TimeMs now) {
    if (now < quiet_until_) {
      ++untold_;
      return std::nullopt;
    }
    quiet_until_ = now + pause_ms_;
    return std::exchange(untold_, 0);
  }

 private:
  storage::TimeMs pause_ms_;
  storage::TimeMs quiet_until_ = 0;
  std::uint64_t untold_ = 0;
};

}  // namespace pannier::daemon
