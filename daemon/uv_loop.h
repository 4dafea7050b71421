// UvLoop owns libuv's event loop: the one thread on which everything but the disk's work happens. It is
// passed by reference to the wrappers of handles, which must be destroyed before it.
#pragma once

#include <uv.h>

#include <cstdint>

namespace pannier::daemon {

class UvLoop {
 public:
  UvLoop();
  /// Precondition: the wrappers of all its handles are destroyed. Waits for work that is on libuv's threads.
  ~UvLoop();
  UvLoop(const UvLoop&) = delete;
  UvLoop& operator=(const UvLoop&) = delete;

  /// Returns after stop(), or when no handle is active and no work is under way.
  void run();
  /// One pass; sleeps until something happens unless work is ready.
  void run_once();
  /// run() returns at the end of the pass.
  void stop();

  /// Milliseconds of the monotonic clock, read once a pass: at its start and after it slept.
  std::uint64_t now_ms() const;
  /// Nanoseconds of the monotonic clock, read now: for measuring what a step takes.
  static std::uint64_t clock_ns() { return uv_hrtime(); }
  static constexpr std::uint64_t kNsPerMs = 1'000'000;
  /// Reads the clock anew: for what takes long outside of run().
  void update_now();

  /// For the wrappers of handles alone.
  uv_loop_t* raw() { return &loop_; }

 private:
  uv_loop_t loop_;
};

}  // namespace pannier::daemon
