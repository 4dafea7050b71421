// Clock: the daemon's one source of time. Wall time in milliseconds, read from the system once at the start
// and from then on advanced by the loop's monotonic clock, so that all of a pass happens at one time and time
// never goes backwards.
//
// Consequences: when the system's wall clock is set while the daemon runs, deadlines keep their distance from
// now, and the daemon's wall time differs from the system's until its next start; entries of the durable tier
// that were written before then have deadlines that are off by as much. While the machine is suspended the
// clock stands still.
#pragma once

#include <cstdint>

#include "daemon/uv_loop.h"
#include "storage/types.h"

namespace pannier::daemon {

/// The system's wall clock, in milliseconds since the Unix epoch.
storage::TimeMs system_wall_time();

class Clock {
 public:
  /// Says `wall_time` now. `loop` must outlive this.
  Clock(UvLoop& loop, storage::TimeMs wall_time);

  /// The same during a pass of the loop, except that it may advance where the loop slept.
  storage::TimeMs now() const;
  /// now(), less the system's CLOCK_MONOTONIC in milliseconds: by which other processes have this clock.
  std::int64_t offset_ms() const { return wall_start_ - static_cast<storage::TimeMs>(loop_start_ms_); }
  /// Since the start.
  std::uint64_t uptime_ms() const;

 private:
  const UvLoop& loop_;
  std::uint64_t loop_start_ms_;
  storage::TimeMs wall_start_;
};

}  // namespace pannier::daemon
