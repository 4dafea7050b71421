#include "daemon/uv_pass.h"

#include <utility>

namespace pannier::daemon {

UvPassEnd::UvPassEnd(UvLoop& loop, std::function<void()> ended)
    : ended_(std::move(ended)), prepare_(new uv_prepare_t), check_(new uv_check_t) {
  uv_prepare_init(loop.raw(), prepare_.get());
  uv_check_init(loop.raw(), check_.get());
  prepare_->data = this;
  check_->data = this;
  uv_prepare_start(prepare_.get(),
                   [](uv_prepare_t* handle) { static_cast<UvPassEnd*>(handle->data)->ended_(); });
  uv_check_start(check_.get(), [](uv_check_t* handle) { static_cast<UvPassEnd*>(handle->data)->ended_(); });
  uv_unref(reinterpret_cast<uv_handle_t*>(prepare_.get()));
  uv_unref(reinterpret_cast<uv_handle_t*>(check_.get()));
}

UvIdle::UvIdle(UvLoop& loop, std::function<void()> passed)
    : passed_(std::move(passed)), handle_(new uv_idle_t) {
  uv_idle_init(loop.raw(), handle_.get());
  handle_->data = this;
}

void UvIdle::start() {
  uv_idle_start(handle_.get(), [](uv_idle_t* handle) { static_cast<UvIdle*>(handle->data)->passed_(); });
}

void UvIdle::stop() { uv_idle_stop(handle_.get()); }

}  // namespace pannier::daemon
