#include "daemon/uv_timer.h"

#include <utility>

namespace pannier::daemon {

UvTimer::UvTimer(UvLoop& loop, std::function<void()> fired)
    : fired_(std::move(fired)), handle_(new uv_timer_t) {
  uv_timer_init(loop.raw(), handle_.get());
  handle_->data = this;
}

void UvTimer::start(std::uint64_t delay_ms) {
  uv_timer_start(
      handle_.get(), [](uv_timer_t* handle) { static_cast<UvTimer*>(handle->data)->fired_(); }, delay_ms, 0);
}

void UvTimer::stop() { uv_timer_stop(handle_.get()); }

bool UvTimer::is_active() const {
  return uv_is_active(reinterpret_cast<const uv_handle_t*>(handle_.get())) != 0;
}

}  // namespace pannier::daemon
