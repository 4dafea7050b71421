// Work on libuv's thread pool: a job runs on one of its threads, which give way to the loop's
// (storage/thread_turn.h), and its result comes back on the loop. A job cannot be canceled: what it refers
// to must live until `done` was called, for which the loop has to run.
#pragma once

#include <memory>
#include <optional>
#include <utility>

#include "daemon/uv_loop.h"

namespace pannier::daemon {

/// One job with its result inside.
class UvWork {
 public:
  virtual ~UvWork() = default;
  /// On a thread of the pool, or a UvThread.
  virtual void work() = 0;
  /// Afterwards on the loop; then the object is destroyed.
  virtual void done() = 0;
};

/// A job and what follows it: `job()`, and then `done(result)`.
template <typename Job, typename Done>
std::unique_ptr<UvWork> work_of(Job job, Done done) {
  struct Work final : UvWork {
    Work(Job the_job, Done the_done) : job(std::move(the_job)), on_done(std::move(the_done)) {}
    void work() override { result.emplace(job()); }
    void done() override { on_done(std::move(*result)); }
    Job job;
    Done on_done;
    std::optional<decltype(job())> result;
  };
  return std::make_unique<Work>(std::move(job), std::move(done));
}

/// Returns at once.
void start_work(UvLoop& loop, std::unique_ptr<UvWork> work);

/// Runs `job()` on the pool and then `done(result)` on the loop, never before this returns. Keeps the loop
/// running.
template <typename Job, typename Done>
void run_in_pool(UvLoop& loop, Job job, Done done) {
  start_work(loop, work_of(std::move(job), std::move(done)));
}

}  // namespace pannier::daemon
