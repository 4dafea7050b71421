// Flusher: decides when dirty durable entries are written to disk, takes the batches and hands them to the
// DiskWorker.
//
// A flush begins when an entry was dirty for checkpoint_interval_ms, when checkpoint_dirty_bytes are dirty,
// when somebody waits (wait_clean), and at the end (drain). It writes batch after batch until all that was
// dirty at its begin is clean. Everyone who waits is served by the same batches: those of one pass of the
// loop by one.
//
// Failures: a batch that failed stays dirty, and all who wait get its error; it is tried again after 100 ms,
// then twice as long each time up to 10 s. Those who come to wait meanwhile get the outcome of the next try.
//
// Owner: main. Destroy it when the DiskWorker is idle. Loop thread only.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <variant>

#include "daemon/backoff.h"
#include "daemon/clock.h"
#include "daemon/config.h"
#include "daemon/disk_worker.h"
#include "daemon/log.h"
#include "daemon/uv_loop.h"
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
  std::optional<storage::TimeMs> last_sync_ms;  ///< when a batch with entries of it, or a sync, succeeded
  std::uint64_t sync_errors = 0;                ///< batches with entries of it that failed
};

class Flusher {
 public:
  using CleanDone = std::function<void(std::optional<storage::StoreError>)>;
  /// The error that it gave up with; then entries are still dirty.
  using DrainDone = std::function<void(std::optional<storage::StoreError>)>;

  Flusher(UvLoop& loop, storage::Catalog& catalog, DiskWorker& disk, const DurableOptions& options,
          const Clock& clock, Log& log);
  ~Flusher();
  Flusher(const Flusher&) = delete;
  Flusher& operator=(const Flusher&) = delete;

  /// To be called after durable writes, once a loop pass is enough: cheap.
  void poke();
  /// Calls `done` with nothing as soon as every change with a dirty sequence up to `sequence` is on disk,
  /// from within this call if it is already; with the error of a try that failed while waiting.
  void wait_clean(std::uint64_t sequence, CleanDone done);

  /// Writes everything that is dirty, trying again after failures until hurry(), and logs how it gets on.
  /// Calls `done` once at the end, maybe from within this call. Nothing may become dirty any more.
  void drain(DrainDone done);
  /// The drain gives up at the next failure, or now if it waits for another try.
  void hurry();

  const FlushTotals& written() const { return written_; }
  FlushInfo info(storage::CacheId cache) const;
  /// A sync of the cache was answered.
  void synced(storage::CacheId cache);
  /// The cache was dropped.
  void forget(storage::CacheId cache);

 private:
  struct Drain {
    DrainDone done;
    bool hurried = false;
  };

  bool is_wanted(const storage::WriteBack& write_back);
  void schedule();
  void fired();
  void write_batch();
  void batch_ended(const storage::Batch& batch,
                   const std::variant<storage::Wrote, storage::StoreError>& outcome);
  void batch_succeeded(const storage::Batch& batch, const storage::Wrote& wrote);
  void batch_failed(const storage::Batch& batch, const storage::StoreError& error);
  void serve_clean();
  void serve_all(const storage::StoreError& error);
  void end_drain(std::optional<storage::StoreError> error);

  storage::Catalog& catalog_;
  DiskWorker& disk_;
  DurableOptions options_;
  const Clock& clock_;
  Log& log_;
  UvTimer timer_;
  Backoff backoff_;
  std::optional<storage::StoreError> last_error_;    // of the last try, if it failed
  std::uint64_t target_ = 0;                         // write until clean through this sequence
  std::multimap<std::uint64_t, CleanDone> waiters_;  // by sequence
  std::map<storage::CacheId, FlushInfo> infos_;
  FlushTotals written_;
  std::optional<Drain> drain_;
};

}  // namespace pannier::daemon
