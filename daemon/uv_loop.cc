#include "daemon/uv_loop.h"

#include "daemon/uv_handle.h"

namespace pannier::daemon {

UvLoop::UvLoop() { require_uv(uv_loop_init(&loop_), "uv_loop_init"); }

UvLoop::~UvLoop() {
  uv_run(&loop_, UV_RUN_DEFAULT);
  require_uv(uv_loop_close(&loop_), "uv_loop_close (a handle outlives its loop)");
}

void UvLoop::run() { uv_run(&loop_, UV_RUN_DEFAULT); }

void UvLoop::run_once() { uv_run(&loop_, UV_RUN_ONCE); }

void UvLoop::stop() { uv_stop(&loop_); }

std::uint64_t UvLoop::now_ms() const { return uv_now(&loop_); }

void UvLoop::update_now() { uv_update_time(&loop_); }

}  // namespace pannier::daemon
