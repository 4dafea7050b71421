// UvThread: a thread that does jobs for the loop, one after the other in the order in which they came, and
// gives way to the loop's as those of libuv's pool do (uv_work.h). What always runs on one thread finds its
// memory where it left it, in the processor's caches and in the allocator's.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "daemon/uv_handle.h"
#include "daemon/uv_loop.h"
#include "daemon/uv_work.h"

namespace pannier::daemon {

class UvThread {
 public:
  /// `heap_bytes`: what the jobs allocate, about; less than 32 MiB.
  UvThread(UvLoop& loop, std::size_t heap_bytes);
  /// Precondition: what was to follow the jobs has run.
  ~UvThread();
  UvThread(const UvThread&) = delete;
  UvThread& operator=(const UvThread&) = delete;

  /// As run_in_pool().
  template <typename Job, typename Done>
  void run(Job job, Done done) {
    start(work_of(std::move(job), std::move(done)));
  }
  /// A job is to come very soon: wakes the thread for it, which takes a good part of what a short job does.
  void expect();

 private:
  void start(std::unique_ptr<UvWork> work);
  void work();
  /// Null at the end.
  std::unique_ptr<UvWork> next_job();
  /// Waits for the job that is expected, without sleeping; or no longer.
  void stay_awake() const;
  void follow_up();

  std::mutex lock_;
  std::condition_variable has_come_;
  std::deque<std::unique_ptr<UvWork>> jobs_;
  std::vector<std::unique_ptr<UvWork>> done_;  // to be followed up on the loop
  std::atomic<bool> has_job_ = false;          // there is one in `jobs_`
  bool expects_ = false;
  bool ends_ = false;
  std::uint64_t under_way_ = 0;  // the loop's: jobs that were not followed up yet
  UvHandle<uv_async_t> wake_;
  std::thread thread_;
};

}  // namespace pannier::daemon
