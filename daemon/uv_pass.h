// Two places in a pass of the loop. libuv runs a pass as: timers, UvIdle, UvPassEnd, sleep and input,
// UvPassEnd.
#pragma once

#include <functional>

#include "daemon/uv_handle.h"
#include "daemon/uv_loop.h"

namespace pannier::daemon {

/// Calls back after everything else that a pass did: before the loop may sleep, and after what woke it was
/// handled. Does not keep the loop running.
class UvPassEnd {
 public:
  UvPassEnd(UvLoop& loop, std::function<void()> ended);
  UvPassEnd(const UvPassEnd&) = delete;
  UvPassEnd& operator=(const UvPassEnd&) = delete;

 private:
  std::function<void()> ended_;
  UvHandle<uv_prepare_t> prepare_;
  UvHandle<uv_check_t> check_;
};

/// While it is started, the loop does not sleep, and calls back once a pass.
class UvIdle {
 public:
  UvIdle(UvLoop& loop, std::function<void()> passed);
  UvIdle(const UvIdle&) = delete;
  UvIdle& operator=(const UvIdle&) = delete;

  /// Both may be called at any time, and again.
  void start();
  void stop();

 private:
  std::function<void()> passed_;
  UvHandle<uv_idle_t> handle_;
};

}  // namespace pannier::daemon
