#include "daemon/uv_thread.h"

#include "daemon/heap.h"
#include "storage/thread_turn.h"

namespace pannier::daemon {

namespace {

/// For so long an expected job is waited for.
constexpr std::uint64_t kAwakeNsMax = 300'000;

}  // namespace

UvThread::UvThread(UvLoop& loop, std::size_t heap_bytes) : wake_(new uv_async_t) {
  require_uv(uv_async_init(loop.raw(), wake_.get(),
                           [](uv_async_t* handle) { static_cast<UvThread*>(handle->data)->follow_up(); }),
             "uv_async_init");
  wake_->data = this;
  uv_unref(reinterpret_cast<uv_handle_t*>(wake_.get()));
  thread_ = std::thread([this, heap_bytes] {
    storage::give_way();
    widen_heap(heap_bytes);
    work();
  });
}

UvThread::~UvThread() {
  {
    const std::lock_guard lock(lock_);
    ends_ = true;
  }
  has_come_.notify_one();
  thread_.join();
}

void UvThread::start(std::unique_ptr<UvWork> work) {
  // The loop runs as long as there is something to follow up.
  if (under_way_++ == 0) uv_ref(reinterpret_cast<uv_handle_t*>(wake_.get()));
  {
    const std::lock_guard lock(lock_);
    jobs_.push_back(std::move(work));
    has_job_ = true;
  }
  has_come_.notify_one();
}

void UvThread::expect() {
  {
    const std::lock_guard lock(lock_);
    expects_ = true;
  }
  has_come_.notify_one();
}

std::unique_ptr<UvWork> UvThread::next_job() {
  std::unique_lock lock(lock_);
  while (jobs_.empty() && !ends_) {
    if (std::exchange(expects_, false)) {
      lock.unlock();
      stay_awake();
      lock.lock();
    } else {
      has_come_.wait(lock);
    }
  }
  if (jobs_.empty()) return nullptr;
  std::unique_ptr<UvWork> job = std::move(jobs_.front());
  jobs_.pop_front();
  has_job_ = !jobs_.empty();
  expects_ = false;
  return job;
}

void UvThread::stay_awake() const {
  const std::uint64_t until_ns = UvLoop::clock_ns() + kAwakeNsMax;
  while (!has_job_ && UvLoop::clock_ns() < until_ns) std::this_thread::yield();
}

void UvThread::work() {
  while (std::unique_ptr<UvWork> job = next_job()) {
    job->work();
    {
      const std::lock_guard lock(lock_);
      done_.push_back(std::move(job));
    }
    uv_async_send(wake_.get());
  }
}

void UvThread::follow_up() {
  std::vector<std::unique_ptr<UvWork>> done;
  {
    const std::lock_guard lock(lock_);
    done.swap(done_);
  }
  under_way_ -= done.size();
  if (under_way_ == 0) uv_unref(reinterpret_cast<uv_handle_t*>(wake_.get()));
  for (const auto& job : done) job->done();
}

}  // namespace pannier::daemon
