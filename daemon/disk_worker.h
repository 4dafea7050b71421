// DiskWorker: the only way from the loop to the DurableStore. It runs the store's methods on other threads,
// and calls back on the loop, never before the call that asked returns. It knows nothing of caches in memory.
//
// Two lanes. Writing: one job at a time, in the order of the calls, on a thread of its own. Reading: a few at
// once on libuv's pool, the rest in a queue; they do not wait for writes.
//
// Batches that come in while the writing lane is busy, and with no other job between them, are one job: the
// disk syncs once for all of them. Callbacks of writing jobs are called in the order of the jobs, one in a
// pass of the loop, for what they do with a batch takes time; the lane does not wait for that.
//
// When the writing lane has rested for kRestMs after a job, the store is told (DurableStore::rest), and again
// as long as something goes on there; that is no job of anybody's, and in the lane like one.
//
// Failures: a job's error goes to its callback; that of batches also to all that were to be written after
// them, the last one first. After a failed writing job the store is reopened: before the
// next writing job, or without one after a back-off; until that succeeds writing jobs answer the error of the
// reopening. A rest that failed is a failed job.
//
// Owner: main, which destroys it when is_idle(). Loop thread only.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "daemon/backoff.h"
#include "daemon/uv_loop.h"
#include "daemon/uv_pass.h"
#include "daemon/uv_thread.h"
#include "daemon/uv_timer.h"
#include "storage/durable_store.h"
#include "storage/write_back.h"

namespace pannier::daemon {

struct DiskLimits {
  std::uint32_t reads_at_once_max = 2;  ///< threads of the pool that reads may take
  std::uint32_t reads_waiting_max = 16'384;
};

class DiskWorker {
 public:
  using Done = std::function<void(std::optional<storage::StoreError>)>;
  using WriteDone =
      std::function<void(const storage::Batch& batch, std::variant<storage::Wrote, storage::StoreError>)>;
  using EraseDone = std::function<void(std::variant<storage::ErasedSome, storage::StoreError>)>;
  using LoadDone = std::function<void(std::variant<storage::Record, storage::Absent, storage::StoreError>)>;
  using ScanDone = std::function<void(std::variant<storage::Scanned, storage::StoreError>)>;
  using Image = std::shared_ptr<const storage::StoreImage>;
  using ImageDone = std::function<void(std::variant<Image, storage::StoreError>)>;
  using ReadFailed = std::function<void(const storage::StoreError&)>;
  using RestFailed = std::function<void(const storage::StoreError&)>;
  using PieceDone = std::function<void(std::variant<storage::ImagePiece, storage::StoreError>)>;

  /// `store` must outlive the worker, and is nobody else's from now on.
  DiskWorker(UvLoop& loop, storage::DurableStore& store, const DiskLimits& limits);
  DiskWorker(const DiskWorker&) = delete;
  DiskWorker& operator=(const DiskWorker&) = delete;

  // -- the writing lane

  void write(storage::Batch batch, WriteDone done);
  /// A write is to come very soon, and a short one: it begins the sooner.
  void expect_write() {
    if (!is_writing_) writer_.expect();
  }
  void define(storage::CacheId id, std::string name, const storage::Settings& settings, Done done);
  void begin_drop(storage::CacheId id, Done done);
  void end_drop(storage::CacheId id, Done done);
  void erase_some(storage::EraseRange range, std::uint64_t steps_max, EraseDone done);
  void reserve_versions(storage::Version bound, Done done);
  /// What is on disk when the jobs before it are done; an error if the last of them failed, or one with
  /// batches since the call.
  void open_image(ImageDone done);
  /// The same for a piece of a walk: when it is answered no later write has been.
  void scan_in_turn(storage::CacheId cache, std::string from_key, std::uint64_t keys_max, ScanDone done);

  // -- the reading lane

  void load(storage::CacheId cache, std::string key, LoadDone done);
  void scan(storage::CacheId cache, std::string prefix, std::string from_key, std::uint64_t keys_max,
            ScanDone done);
  void read_image(Image image, storage::CacheId cache, std::string from_key, std::uint64_t bytes_max,
                  PieceDone done);
  /// Lets go of it, on a thread that may wait.
  void close_image(Image image);
  /// `told` hears of each read that failed or had to leave something out, be it one that a batch or an
  /// erasing needed, before the callback of that job.
  void on_read_error(ReadFailed told) { read_failed_ = std::move(told); }
  /// Of those, since the start.
  struct Unread {
    std::uint64_t count = 0;
    std::optional<std::string> last;
  };
  const Unread& unread() const { return unread_; }
  /// For those who start new work: answer `overloaded` instead. A load or scan is taken nevertheless.
  /// From now on.
  void set_reads_waiting_max(std::uint32_t count) { limits_.reads_waiting_max = count; }
  bool read_queue_full() const { return read_jobs_.size() >= limits_.reads_waiting_max; }

  // -- of its own accord

  static constexpr std::uint64_t kRestMs = 250;
  /// `told` hears of each rest that failed.
  void on_rest_error(RestFailed told) { rest_failed_ = std::move(told); }
  /// It reopens nothing and rests no more. Precondition: idle.
  void end();

  // -- how it is

  /// Jobs whose callback is still to be called.
  std::uint64_t writes_pending() const {
    return write_jobs_.size() + write_answers_.size() + (is_writing_ ? 1 : 0);
  }
  std::uint64_t reads_pending() const { return read_jobs_.size() + reading_; }
  bool is_idle() const { return writes_pending() == 0 && reads_pending() == 0; }
  /// A writing job is under way, or about to be.
  bool is_writing() const { return is_writing_; }
  /// The last writing job failed, and the store was not reopened since.
  bool is_failing() const { return is_failing_; }
  /// Batches failed whose callbacks are still to be called. One that is written now would be answered after
  /// them, although it was taken later: do not.
  bool has_failed_batches() const { return failed_batches_ > 0; }

 private:
  using Job = std::function<void()>;  // starts the work
  /// Batches of one job.
  struct Group {
    std::vector<storage::Batch> batches;
    std::vector<WriteDone> done;
  };
  struct WriteJob {
    Job start;
    std::shared_ptr<Group> group;  // null: another job
  };

  template <typename Result, typename Method>
  void enqueue_write(Method method, std::function<void(Result)> done);
  template <typename Result, typename Method>
  void enqueue_look(Method method, std::function<void(Result)> done);
  template <typename Result, typename Method>
  void enqueue_read(Method method, std::function<void(Result)> done);
  void write_group(const std::shared_ptr<Group>& group);
  void group_ended(const std::shared_ptr<Group>& group,
                   std::variant<std::vector<storage::Wrote>, storage::StoreError> outcome);
  void fail_groups(std::shared_ptr<Group> first, const storage::StoreError& error);
  /// To be called when those of the writing jobs before it have been.
  void answer_later(std::function<void()> answer);
  void answer_next();
  void start_write();
  void write_ended(bool failed);
  void reopen();
  void rest();
  void rested(const std::variant<storage::Rested, storage::StoreError>& outcome);
  void note_unread(const storage::StoreError& error);
  void start_reads();
  void read_ended();

  UvLoop& loop_;
  storage::DurableStore& store_;
  UvThread writer_;
  DiskLimits limits_;
  std::deque<WriteJob> write_jobs_;
  std::deque<std::function<void()>> write_answers_;
  UvIdle next_answer_;
  bool is_answering_ = false;  // there was an answer in this pass
  std::deque<Job> read_jobs_;
  bool is_writing_ = false;
  std::uint32_t reading_ = 0;
  Unread unread_;
  ReadFailed read_failed_ = [](const storage::StoreError&) {};
  bool is_failing_ = false;
  std::uint64_t groups_failed_ = 0;
  std::uint64_t failed_batches_ = 0;  // to be answered
  Backoff backoff_;
  UvTimer reopen_timer_;
  RestFailed rest_failed_ = [](const storage::StoreError&) {};
  UvTimer rest_timer_;
};

}  // namespace pannier::daemon
