#include "daemon/flusher.h"

#include <algorithm>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace pannier::daemon {

using storage::Batch;
using storage::BatchItem;
using storage::StoreError;

namespace {

constexpr storage::TimeMs kProgressMs = 1'000;  // between two lines in the log

constexpr std::uint64_t kGatherShare = 4;          // of what the write took
constexpr std::uint64_t kGatherNsMin = 2'000'000;  // so long without sleeping: timers count milliseconds
constexpr std::uint64_t kGatherNsMax = 5'000'000;
/// Of those who are waited for: a write is near when no more are to come.
constexpr std::size_t kLateShare = 4;
constexpr std::uint64_t kQuietNs = 400'000;  // nobody came for so long: nobody will, while it stays awake

std::string text_of(const storage::DirtyTotals& dirty) {
  return std::to_string(dirty.entries) + " entries (" + std::to_string(dirty.bytes) + " bytes)";
}

FlushTotals totals_of(const BatchItem& item) {
  return {1, item.key.size() + (item.record ? item.record->value.size() : 0)};
}

}  // namespace

Flusher::Flusher(UvLoop& loop, storage::Catalog& catalog, DiskWorker& disk, const DurableOptions& options,
                 const Clock& clock, Log& log)
    : catalog_(catalog),
      disk_(disk),
      options_(options),
      clock_(clock),
      log_(log),
      timer_(loop, [this] { fired(); }),
      next_pass_(loop, [this] { fired(); }) {}

void Flusher::poke() {
  serve_clean();
  schedule();
}

void Flusher::reschedule() {
  if (waiting_for_ == Wait::kInterval) wait(Wait::kNothing, 0);
  schedule();
}

void Flusher::wait_clean(std::uint64_t sequence, CleanDone done) {
  if (catalog_.write_back().clean_through() >= sequence) return done(std::nullopt);
  // Nearly always the last one.
  const auto behind = std::ranges::upper_bound(waiters_, sequence, {}, &CleanWaiter::sequence);
  waiters_.insert(behind, {sequence, std::move(done)});
  came_ns_ = UvLoop::clock_ns();
  if (gathers_awake_ && waiters_.size() == waiters_expected_ - waiters_expected_ / kLateShare)
    disk_.expect_write();
  schedule();
}

void Flusher::wait_point(PointDone done) {
  const storage::WriteBack& write_back = catalog_.write_back();
  if (write_back.totals().entries == 0) return done(AtPoint());
  point_waiters_.push_back({write_back.sequence_last(), 0, std::move(done)});
  schedule();
}

bool Flusher::is_wanted() const { return !waiters_.empty() || is_wanted_at_once(); }

bool Flusher::is_wanted_at_once() const {
  const storage::WriteBack& write_back = catalog_.write_back();
  if (!point_waiters_.empty() || drain_) return true;
  if (write_back.totals().bytes >= options_.checkpoint_dirty_bytes) return true;
  return target_ > 0 && write_back.clean_through() < target_;
}

bool Flusher::is_worth_a_batch() const {
  const storage::WriteBack& write_back = catalog_.write_back();
  if (!write_back.has_batch() || disk_.has_failed_batches()) return false;
  return !disk_.is_writing() || write_back.waiting().entries >= storage::BatchLimits().items_max ||
         write_back.waiting().bytes >= storage::BatchLimits().bytes_max;
}

std::uint64_t Flusher::gather_ns() const {
  if (waiters_.size() >= waiters_expected_ || is_wanted_at_once()) return 0;
  const std::uint64_t now_ns = UvLoop::clock_ns();
  const std::uint64_t until_ns =
      gathers_awake_ ? std::min(gather_until_ns_, came_ns_ + kQuietNs) : gather_until_ns_;
  return now_ns < until_ns ? until_ns - now_ns : 0;
}

void Flusher::schedule() {
  const storage::WriteBack& write_back = catalog_.write_back();
  const bool is_in_flight = write_back.in_flight();
  if (is_in_flight && (last_error_ || (drain_ && drain_->is_hurried))) return;
  if (drain_ && drain_->is_hurried) return end_drain(last_error_);
  if (waiting_for_ == Wait::kRetry || waiting_for_ == Wait::kNextPass) return;
  if (write_back.totals().entries == 0) {
    if (is_in_flight) return;
    target_ = 0;
    wait(Wait::kNothing, 0);
    serve_points();
    if (drain_) end_drain(std::nullopt);
  } else if (is_wanted()) {
    if (!is_worth_a_batch()) return;
    const std::uint64_t left_ns = gather_ns();
    if (left_ns == 0) return wait(Wait::kNextPass, 0);
    const Wait gathering = gathers_awake_ ? Wait::kGatherAwake : Wait::kGather;
    if (waiting_for_ != gathering) wait(gathering, (left_ns + UvLoop::kNsPerMs - 1) / UvLoop::kNsPerMs);
  } else if (waiting_for_ != Wait::kInterval) {
    const auto interval_ms = static_cast<storage::TimeMs>(options_.checkpoint_interval_ms);
    const storage::TimeMs due = write_back.oldest_dirty_since() + interval_ms;
    const storage::TimeMs left_ms = std::min(due - clock_.now(), interval_ms);
    wait(Wait::kInterval, left_ms > 0 ? static_cast<std::uint64_t>(left_ms) : 0);
  }
}

void Flusher::wait(Wait what, std::uint64_t delay_ms) {
  const bool is_timed = what == Wait::kInterval || what == Wait::kRetry || what == Wait::kGather;
  is_timed ? timer_.start(delay_ms) : timer_.stop();
  const bool is_awake = what == Wait::kNextPass || what == Wait::kGatherAwake;
  is_awake ? next_pass_.start() : next_pass_.stop();
  waiting_for_ = what;
}

void Flusher::fired() {
  // Whoever it waits for may have been given this very processor.
  if (waiting_for_ == Wait::kGatherAwake && gather_ns() > 0) return std::this_thread::yield();
  const bool is_retry = waiting_for_ == Wait::kRetry;
  wait(Wait::kNothing, 0);
  begin_checkpoint();
  if (is_retry || is_wanted()) write_batch();
  schedule();
}

void Flusher::begin_checkpoint() {
  const storage::WriteBack& write_back = catalog_.write_back();
  const storage::TimeMs oldest = write_back.oldest_dirty_since();
  const auto interval_ms = static_cast<storage::TimeMs>(options_.checkpoint_interval_ms);
  // What an earlier process left may be of a time to come, if the clock was set back since.
  const bool is_of_future = oldest > clock_.now();
  const bool is_due = oldest != storage::kNever && (is_of_future || oldest + interval_ms <= clock_.now());
  if (is_due || write_back.totals().bytes >= options_.checkpoint_dirty_bytes)
    target_ = write_back.sequence_last();
}

void Flusher::write_batch() {
  if (disk_.has_failed_batches()) return;
  std::optional<Batch> batch = catalog_.write_back().take_batch({});
  if (!batch) return;
  disk_.write(std::move(*batch),
              [this, began_ns = UvLoop::clock_ns()](const Batch& ended, const auto& outcome) {
                batch_ended(ended, outcome, began_ns);
              });
  catalog_.write_back().is_all_in_flight() ? serve_points() : refuse_late_points();
}

void Flusher::batch_ended(const Batch& batch, const std::variant<storage::Wrote, StoreError>& outcome,
                          std::uint64_t began_ns) {
  write_took_ns_ = UvLoop::clock_ns() - began_ns;
  if (const auto* error = std::get_if<StoreError>(&outcome)) return batch_failed(batch, *error);
  batch_succeeded(batch, std::get<storage::Wrote>(outcome));
}

void Flusher::serve_points() {
  const auto served = std::exchange(point_waiters_, {});
  for (const PointWaiter& waiter : served) waiter.done(AtPoint());
}

void Flusher::refuse_late_points() {
  const std::uint64_t clean_through = catalog_.write_back().clean_through();
  std::vector<PointDone> refused;
  for (PointWaiter& waiter : point_waiters_) {
    if (waiter.sequence <= clean_through && ++waiter.tries >= kPointTriesMax)
      refused.push_back(std::move(waiter.done));
  }
  std::erase_if(point_waiters_, [](const PointWaiter& waiter) { return waiter.tries >= kPointTriesMax; });
  for (const PointDone& done : refused) done(NoPoint());
}

void Flusher::batch_succeeded(const Batch& batch, const storage::Wrote& wrote) {
  catalog_.write_back().batch_done(batch, wrote);
  count_written(batch);
  if (last_error_) log_.info("writing to disk works again");
  last_error_.reset();
  backoff_.reset();
  tell_progress();
  const std::vector<CleanDone> served = take_served();
  // Before all those are answered, which takes longer.
  const bool is_hurried = drain_ && drain_->is_hurried;
  if (!is_hurried && !disk_.is_writing() && is_wanted() && is_worth_a_batch() && gather_ns() == 0)
    write_batch();
  for (const CleanDone& done : served) done(std::nullopt);
  came_ns_ = UvLoop::clock_ns();
  schedule();
}

void Flusher::count_written(const Batch& batch) {
  FlushInfo none;
  FlushInfo* info = &none;
  storage::CacheId id = 0;  // of no cache
  for (const BatchItem& item : batch.items) {
    if (item.cache != id) {
      id = item.cache;
      info = catalog_.find(id) == nullptr ? &none : &infos_[id];
      info->last_sync_ms = clock_.now();
      info->last_sync_duration_ms = write_took_ns_ / UvLoop::kNsPerMs;
      info->last_error.reset();
    }
    if (item.record && item.record->deadline != storage::kNever) ++info->deadlines_written;
    const FlushTotals size = totals_of(item);
    for (FlushTotals* totals : {&written_, &info->written}) {
      totals->entries += size.entries;
      totals->bytes += size.bytes;
    }
  }
}

void Flusher::batch_failed(const Batch& batch, const StoreError& error) {
  storage::WriteBack& write_back = catalog_.write_back();
  write_back.batch_failed(batch);
  std::set<storage::CacheId> caches;
  for (const BatchItem& item : batch.items) caches.insert(item.cache);
  for (const storage::CacheId cache : caches) {
    if (catalog_.find(cache) == nullptr) continue;
    ++infos_[cache].sync_errors;
    infos_[cache].last_error = error.text;
  }
  last_error_ = error;
  if (write_back.in_flight()) return;  // those before it fail as well
  const std::uint64_t retry_ms = backoff_.next_ms();
  log_.error(text_of(write_back.totals()) + " cannot be written to disk, trying again in " +
             std::to_string(retry_ms) + " ms: " + error.text + advice_(error));
  wait(Wait::kRetry, retry_ms);
  fail_waiters(error);
  schedule();
}

void Flusher::fail_waiters(const StoreError& error) {
  const auto waiters = std::exchange(waiters_, {});
  const auto point_waiters = std::exchange(point_waiters_, {});
  for (const CleanWaiter& waiter : waiters) waiter.done(error);
  for (const PointWaiter& waiter : point_waiters) waiter.done(error);
}

void Flusher::serve_clean() {
  for (const CleanDone& done : take_served()) done(std::nullopt);
}

std::vector<Flusher::CleanDone> Flusher::take_served() {
  std::vector<CleanDone> served;
  if (waiters_.empty()) return served;  // to know how far it is clean, all caches are looked at
  const std::uint64_t clean_through = catalog_.write_back().clean_through();
  while (!waiters_.empty() && waiters_.front().sequence <= clean_through) {
    served.push_back(std::move(waiters_.front().done));
    waiters_.pop_front();
  }
  if (served.empty()) return served;
  waiters_expected_ = served.size() + waiters_.size();
  const std::uint64_t gather_ns = std::clamp(write_took_ns_ / kGatherShare, kGatherNsMin, kGatherNsMax);
  gathers_awake_ = gather_ns == kGatherNsMin;
  came_ns_ = UvLoop::clock_ns();
  gather_until_ns_ = came_ns_ + gather_ns;
  return served;
}

void Flusher::drain(DrainDone done) {
  drain_ = Drain{std::move(done), false, clock_.now()};
  if (waiting_for_ == Wait::kRetry) wait(Wait::kNothing, 0);
  const storage::DirtyTotals dirty = catalog_.write_back().totals();
  if (dirty.entries > 0) log_.info("writing " + text_of(dirty) + " to disk before the end");
  schedule();
}

void Flusher::hurry() {
  if (!drain_) return;
  drain_->is_hurried = true;
  schedule();
}

void Flusher::tell_progress() {
  if (!drain_ || clock_.now() < drain_->told_at + kProgressMs) return;
  drain_->told_at = clock_.now();
  log_.info(text_of(catalog_.write_back().totals()) + " are still to be written to disk");
}

void Flusher::end_drain(std::optional<StoreError> error) {
  wait(Wait::kNothing, 0);
  const DrainDone done = std::move(drain_->done);
  drain_.reset();
  serve_clean();
  // Nobody is left waiting: what they hold must not outlive the service.
  fail_waiters(StoreError{"the daemon ends before this is on disk"});
  done(std::move(error));
}

FlushInfo Flusher::info(storage::CacheId cache) const {
  const auto found = infos_.find(cache);
  return found == infos_.end() ? FlushInfo() : found->second;
}

void Flusher::synced(storage::CacheId cache) { infos_[cache].last_sync_ms = clock_.now(); }

void Flusher::forget(storage::CacheId cache) { infos_.erase(cache); }

}  // namespace pannier::daemon
