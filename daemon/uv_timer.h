// UvTimer turns a point in time into a callback on the loop: once for each start.
#pragma once

#include <cstdint>
#include <functional>

#include "daemon/uv_handle.h"
#include "daemon/uv_loop.h"

namespace pannier::daemon {

class UvTimer {
 public:
  /// `fired` may start and stop the timer, but not destroy it. `loop` must outlive this.
  UvTimer(UvLoop& loop, std::function<void()> fired);
  UvTimer(const UvTimer&) = delete;
  UvTimer& operator=(const UvTimer&) = delete;

  /// Fires once, `delay_ms` after the start of the loop's present pass; 0: early in its next pass, or from a
  /// timer's callback still in this one (for one pass after the other there is UvIdle). An earlier start
  /// counts no more. Keeps the loop running until then.
  void start(std::uint64_t delay_ms);
  /// Does not fire.
  void stop();
  bool is_active() const;

 private:
  std::function<void()> fired_;
  UvHandle<uv_timer_t> handle_;
};

}  // namespace pannier::daemon
