#include "daemon/uv_work.h"

#include <utility>

#include "daemon/uv_handle.h"
#include "storage/thread_turn.h"

namespace pannier::daemon {

namespace {

struct Request {
  uv_work_t raw;
  std::unique_ptr<UvWork> work;
};

void on_work(uv_work_t* raw) {
  thread_local bool has_given_way = false;
  if (!std::exchange(has_given_way, true)) storage::give_way();
  static_cast<Request*>(raw->data)->work->work();
}

void on_done(uv_work_t* raw, int) {
  const std::unique_ptr<Request> request(static_cast<Request*>(raw->data));
  request->work->done();
}

}  // namespace

void start_work(UvLoop& loop, std::unique_ptr<UvWork> work) {
  auto request = std::make_unique<Request>();
  request->work = std::move(work);
  request->raw.data = request.get();
  require_uv(uv_queue_work(loop.raw(), &request->raw, on_work, on_done), "uv_queue_work");
  static_cast<void>(request.release());  // on_done's
}

}  // namespace pannier::daemon
