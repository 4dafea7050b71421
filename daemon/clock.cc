#include "daemon/clock.h"

#include <chrono>

namespace pannier::daemon {
namespace {

std::uint64_t fresh_now_ms(UvLoop& loop) {
  loop.update_now();
  return loop.now_ms();
}

}  // namespace

storage::TimeMs system_wall_time() {
  const auto since_epoch = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(since_epoch).count();
}

Clock::Clock(UvLoop& loop, storage::TimeMs wall_time)
    : loop_(loop), loop_start_ms_(fresh_now_ms(loop)), wall_start_(wall_time) {}

storage::TimeMs Clock::now() const { return wall_start_ + static_cast<storage::TimeMs>(uptime_ms()); }

std::uint64_t Clock::uptime_ms() const { return loop_.now_ms() - loop_start_ms_; }

}  // namespace pannier::daemon
