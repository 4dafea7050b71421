// A libuv loop of the test's own. At its end everything on it has to be closed.
#pragma once

#include <gtest/gtest.h>
#include <uv.h>

#include <chrono>
#include <functional>
#include <stdexcept>

namespace pannier::test {

class UvTestLoop {
 public:
  UvTestLoop() { EXPECT_EQ(uv_loop_init(&loop_), 0); }
  UvTestLoop(const UvTestLoop&) = delete;
  UvTestLoop& operator=(const UvTestLoop&) = delete;
  ~UvTestLoop() {
    run();
    EXPECT_EQ(uv_loop_close(&loop_), 0) << "a handle is still open";
  }

  uv_loop_t* get() { return &loop_; }
  /// Until nothing keeps the loop alive.
  void run() { uv_run(&loop_, UV_RUN_DEFAULT); }
  /// Until `is_done`; whether it came to that.
  bool run_until(const std::function<bool()>& is_done) {
    while (!is_done()) {
      if (uv_run(&loop_, UV_RUN_ONCE) == 0) return is_done();
    }
    return true;
  }

 private:
  uv_loop_t loop_;
};

/// Counts milliseconds on the loop, as long as that is not blocked.
class UvTicks {
 public:
  explicit UvTicks(UvTestLoop& loop) : loop_(loop) {
    uv_timer_init(loop.get(), &timer_);
    timer_.data = this;
    uv_timer_start(
        &timer_, [](uv_timer_t* timer) { ++static_cast<UvTicks*>(timer->data)->count_; }, 1, 1);
    uv_unref(reinterpret_cast<uv_handle_t*>(&timer_));
  }
  UvTicks(const UvTicks&) = delete;
  UvTicks& operator=(const UvTicks&) = delete;
  ~UvTicks() {
    count_ = 0;
    uv_close(reinterpret_cast<uv_handle_t*>(&timer_),
             [](uv_handle_t* timer) { static_cast<UvTicks*>(timer->data)->count_ = -1; });
    loop_.run_until([this] { return count_ < 0; });
  }

  int count() const { return count_; }

 private:
  UvTestLoop& loop_;
  uv_timer_t timer_;
  int count_ = 0;
};

/// The error that an outcome holds, as E.
template <class E, class Outcome>
E error_of(const Outcome& outcome) {
  try {
    outcome.value();
  } catch (const E& error) {
    return error;
  }
  throw std::logic_error("there is no error");
}

}  // namespace pannier::test
