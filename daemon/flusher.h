// Flusher: decides when dirty durable entries are written to disk, takes the batches and hands them to the
// DiskWorker.
//
// A flush begins when an entry was dirty for checkpoint_interval_ms, when checkpoint_dirty_bytes are dirty,
// when somebody waits (wait_clean), and at the end (drain). It writes until all that was dirty at its begin
// is clean: one small batch in each pass of the loop, while the disk writes those before it, together as many
// as there are.
//
// Everyone who waits is served by the same batches. What is too little for a batch while the disk writes
// waits for its end; and then a moment longer for those who were just answered and may come again: so that
// all who write in closed loops share each fsync, instead of taking turns in two halves. If the disk is slow,
// that is a quarter of what the write took, at most 5 ms; else at most 2 ms, without sleeping, and only while
// they keep coming. Whoever wants the processor meanwhile gets it. When three of four have come, the thread
// that writes is woken for what they will have written.
//
// A point is a moment at which the writing lane, once it has done all that was asked of it, leaves the disk
// in the very state that memory is in: nothing is dirty, or all that is dirty was just given to it. Who waits
// for one makes the flusher write until it comes; where more becomes dirty than the disk takes it does not
// come.
//
// Failures: what failed stays dirty, and all who wait get its error; it is tried again, one batch at a time,
// after 100 ms, then twice as long each time up to 10 s. Those who come to wait meanwhile get the outcome of
// the next try.
//
// Owner: main. Destroy it when the DiskWorker is idle. Loop thread only.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "daemon/backoff.h"
#include "daemon/clock.h"
#include "daemon/config.h"
#include "daemon/disk_worker.h"
#include "daemon/log.h"
#include "daemon/uv_loop.h"
#include "daemon/uv_pass.h"
#include "daemon/uv_timer.h"
#include "storage/catalog.h"

namespace pannier::daemon {

/// What batches have put on disk since the start: `entries` records and erasures, `bytes` of their keys and
/// values.
struct FlushTotals {
  std::uint64_t entries = 0;
  std::uint64_t bytes = 0;
};

/// Of one durable cache, since the start.
struct FlushInfo {
  FlushTotals written;
  std::uint64_t deadlines_written = 0;          ///< records with a deadline
  std::optional<storage::TimeMs> last_sync_ms;  ///< when a batch with entries of it, or a sync, succeeded
  std::uint64_t sync_errors = 0;                ///< batches with entries of it that failed
  std::optional<std::string> last_error;        ///< why the last of them failed; nothing after a success
  std::optional<std::uint64_t> last_sync_duration_ms;  ///< of the last batch with entries of it on disk
};

class Flusher {
 public:
  using CleanDone = std::function<void(std::optional<storage::StoreError>)>;
  /// How waiting for a point ended: it is now; or kPointTriesMax batches after what was dirty at first there
  /// still is more than a batch takes; or a batch failed.
  struct AtPoint {};
  struct NoPoint {};
  using PointDone = std::function<void(std::variant<AtPoint, NoPoint, storage::StoreError>)>;
  static constexpr std::uint32_t kPointTriesMax = 1'024;
  /// The error of the last batch, if it failed. Entries are still dirty only after hurry().
  using DrainDone = std::function<void(std::optional<storage::StoreError>)>;

  /// All must outlive it. If the options change, reschedule() is to be called.
  Flusher(UvLoop& loop, storage::Catalog& catalog, DiskWorker& disk, const DurableOptions& options,
          const Clock& clock, Log& log);
  Flusher(const Flusher&) = delete;
  Flusher& operator=(const Flusher&) = delete;

  /// What the log says behind why something could not be written.
  using Advice = std::function<std::string(const storage::StoreError&)>;
  void advise(Advice advice) { advice_ = std::move(advice); }

  /// What waits for its interval waits for the present one.
  void reschedule();
  /// To be called after durable writes, once a loop pass is enough: cheap.
  void poke();
  /// Calls `done` with nothing as soon as every change with a dirty sequence up to `sequence` is on disk,
  /// from within this call if it is already; with the error of a try that failed while waiting.
  void wait_clean(std::uint64_t sequence, CleanDone done);

  /// Calls `done` once, maybe from within this call.
  void wait_point(PointDone done);

  /// Writes everything that is dirty, trying again after failures until hurry(), and logs how it gets on.
  /// Calls `done` once at the end, maybe from within this call; who waits for more than was written is told
  /// before. Nothing may become dirty any more.
  void drain(DrainDone done);
  /// The drain ends as soon as no batch is in flight, maybe from within this call: entries may stay dirty.
  void hurry();

  const FlushTotals& written() const { return written_; }
  /// Of the last batch, if it failed.
  const std::optional<storage::StoreError>& last_error() const { return last_error_; }
  FlushInfo info(storage::CacheId cache) const;
  /// A sync of the cache was answered.
  void synced(storage::CacheId cache);
  /// The cache was dropped.
  void forget(storage::CacheId cache);

 private:
  /// What fired() is to be called for.
  enum class Wait { kNothing, kInterval, kGather, kGatherAwake, kNextPass, kRetry };

  struct Drain {
    DrainDone done;
    bool is_hurried = false;
    storage::TimeMs told_at;  // when the log last heard of it
  };

  bool is_wanted() const;
  /// Writing has another reason than wait_clean().
  bool is_wanted_at_once() const;
  bool is_worth_a_batch() const;
  /// How long to wait for more who wait; 0: no longer.
  std::uint64_t gather_ns() const;
  void schedule();
  void wait(Wait what, std::uint64_t delay_ms);
  void fired();
  void begin_checkpoint();
  void write_batch();
  void batch_ended(const storage::Batch& batch,
                   const std::variant<storage::Wrote, storage::StoreError>& outcome, std::uint64_t began_ns);
  void batch_succeeded(const storage::Batch& batch, const storage::Wrote& wrote);
  void count_written(const storage::Batch& batch);
  void batch_failed(const storage::Batch& batch, const storage::StoreError& error);
  void serve_clean();
  std::vector<CleanDone> take_served();
  void serve_points();
  void refuse_late_points();
  void fail_waiters(const storage::StoreError& error);
  void tell_progress();
  void end_drain(std::optional<storage::StoreError> error);

  storage::Catalog& catalog_;
  DiskWorker& disk_;
  const DurableOptions& options_;
  const Clock& clock_;
  Log& log_;
  UvTimer timer_;
  UvIdle next_pass_;
  Wait waiting_for_ = Wait::kNothing;
  Backoff backoff_;
  std::optional<storage::StoreError> last_error_;  // of the last batch, if it failed
  std::uint64_t target_ = 0;                       // a checkpoint writes until all up to here is clean
  struct CleanWaiter {
    std::uint64_t sequence;
    CleanDone done;
  };
  std::deque<CleanWaiter> waiters_;  // by sequence; of the same one, as they came
  struct PointWaiter {
    std::uint64_t sequence;  // what was dirty when it came
    std::uint32_t tries = 0;
    PointDone done;
  };
  std::vector<PointWaiter> point_waiters_;
  std::map<storage::CacheId, FlushInfo> infos_;
  FlushTotals written_;
  std::size_t waiters_expected_ = 0;   // when the last of them were served: those and who was left
  std::uint64_t gather_until_ns_ = 0;  // they are waited for until then
  bool gathers_awake_ = false;         // because that is soon; and no longer than they keep coming
  std::uint64_t came_ns_ = 0;          // when the last of them did, or could
  std::uint64_t write_took_ns_ = 0;    // the last one
  std::optional<Drain> drain_;
  Advice advice_ = [](const storage::StoreError&) { return std::string(); };
};

}  // namespace pannier::daemon
