#include "daemon/uv_signal.h"

#include <utility>

namespace pannier::daemon {

UvSignal::UvSignal(UvLoop& loop, int signal_number, std::function<void()> received)
    : received_(std::move(received)), handle_(new uv_signal_t) {
  require_uv(uv_signal_init(loop.raw(), handle_.get()), "uv_signal_init");
  handle_->data = this;
  const auto on_signal = [](uv_signal_t* handle, int) { static_cast<UvSignal*>(handle->data)->received_(); };
  require_uv(uv_signal_start(handle_.get(), on_signal, signal_number), "uv_signal_start");
  uv_unref(reinterpret_cast<uv_handle_t*>(handle_.get()));
}

void UvSignal::ignore_for_good(int signal_number) {
  // Never destroyed: libuv restores the default action, which ends the process, with the last handle of a
  // signal, and to ignore it only after that would leave a moment in between.
  auto* const loop = new UvLoop();
  new UvSignal(*loop, signal_number, [] {});
}

}  // namespace pannier::daemon
