// UvTimer: one libuv timer. Its owner holds it by value; destroying it closes the handle, whose memory is
// freed by the loop's next pass (run the loop once more before uv_loop_close). Loop thread only.
#pragma once

#include <uv.h>
#include <cstdint>
#include <functional>

namespace pannier::daemon {

class UvTimer {
 public:
  /// `fired` is called on the loop; it may start and stop the timer, and destroy it.
  UvTimer(uv_loop_t* loop, std::function<void()> fired);
  ~UvTimer();
  UvTimer(const UvTimer&) = delete;
  UvTimer& operator=(const UvTimer&) = delete;

  /// Fires once, `delay_ms` from the loop's present time; 0: in the loop's next pass. Replaces an earlier
  /// start.
  void start(std::uint64_t delay_ms);
  void stop();
  bool is_active() const;
  /// A timer that is not important enough to keep the loop running.
  void unref();

 private:
  struct Handle;
  Handle* handle_;  // owned until its close callback
};

}  // namespace pannier::daemon
