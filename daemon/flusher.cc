#include "daemon/flusher.h"

#include <string>
#include <utility>
#include <vector>

namespace pannier::daemon {

using storage::Batch;
using storage::BatchItem;
using storage::StoreError;

namespace {

constexpr storage::TimeMs kProgressMs = 1'000;  // between two lines in the log

std::string text_of(const storage::DirtyTotals& dirty) {
  return std::to_string(dirty.entries) + " entries (" + std::to_string(dirty.bytes) + " bytes)";
}

FlushTotals totals_of(const BatchItem& item) {
  return {1, item.key.size() + (item.record ? item.record->value.size() : 0)};
}

}  // namespace

Flusher::Flusher(UvLoop& loop, storage::Catalog& catalog, DiskWorker& disk, const DurableOptions& options,
                 const Clock& clock, Log& log)
    : catalog_(catalog), disk_(disk), options_(options), clock_(clock), log_(log), timer_(loop, [this] {
        fired();
      }) {}

void Flusher::poke() {
  serve_clean();
  schedule();
}

void Flusher::wait_clean(std::uint64_t sequence, CleanDone done) {
  if (catalog_.write_back().clean_through() >= sequence) return done(std::nullopt);
  waiters_.emplace(sequence, std::move(done));
  schedule();
}

void Flusher::wait_point(PointDone done) {
  const storage::WriteBack& write_back = catalog_.write_back();
  if (write_back.totals().entries == 0) return done(AtPoint());
  point_waiters_.push_back({write_back.sequence_last(), 0, std::move(done)});
  schedule();
}

bool Flusher::is_wanted() const {
  const storage::WriteBack& write_back = catalog_.write_back();
  if (!waiters_.empty() || !point_waiters_.empty() || drain_) return true;
  if (write_back.totals().bytes >= options_.checkpoint_dirty_bytes) return true;
  return target_ > 0 && write_back.clean_through() < target_;
}

void Flusher::schedule() {
  const storage::WriteBack& write_back = catalog_.write_back();
  if (write_back.in_flight()) return;
  if (drain_ && drain_->is_hurried) return end_drain(last_error_);
  if (waiting_for_ == Wait::kRetry || waiting_for_ == Wait::kNextPass) return;
  if (write_back.totals().entries == 0) {
    target_ = 0;
    wait(Wait::kNothing, 0);
    serve_points();
    if (drain_) end_drain(std::nullopt);
  } else if (is_wanted()) {
    wait(Wait::kNextPass, 0);
  } else if (waiting_for_ != Wait::kInterval) {
    const auto interval_ms = static_cast<storage::TimeMs>(options_.checkpoint_interval_ms);
    const storage::TimeMs left_ms = write_back.oldest_dirty_since() + interval_ms - clock_.now();
    wait(Wait::kInterval, left_ms > 0 ? static_cast<std::uint64_t>(left_ms) : 0);
  }
}

void Flusher::wait(Wait what, std::uint64_t delay_ms) {
  if (what == Wait::kNothing) {
    timer_.stop();
  } else {
    timer_.start(delay_ms);
  }
  waiting_for_ = what;
}

void Flusher::fired() {
  const bool is_retry = std::exchange(waiting_for_, Wait::kNothing) == Wait::kRetry;
  begin_checkpoint();
  if (is_retry || is_wanted()) write_batch();
  schedule();
}

void Flusher::begin_checkpoint() {
  const storage::WriteBack& write_back = catalog_.write_back();
  const storage::TimeMs oldest = write_back.oldest_dirty_since();
  const auto interval_ms = static_cast<storage::TimeMs>(options_.checkpoint_interval_ms);
  const bool is_due = oldest != storage::kNever && oldest + interval_ms <= clock_.now();
  if (is_due || write_back.totals().bytes >= options_.checkpoint_dirty_bytes)
    target_ = write_back.sequence_last();
}

void Flusher::write_batch() {
  std::optional<Batch> taken = catalog_.write_back().take_batch({});
  if (!taken) return;
  const auto batch = std::make_shared<const Batch>(std::move(*taken));
  disk_.write(batch, [this, batch](const std::variant<storage::Wrote, StoreError>& outcome) {
    if (const auto* error = std::get_if<StoreError>(&outcome)) return batch_failed(*batch, *error);
    batch_succeeded(*batch, std::get<storage::Wrote>(outcome));
  });
  const bool is_all = catalog_.write_back().totals().entries == batch->items.size();
  is_all ? serve_points() : refuse_late_points();
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
  for (const BatchItem& item : batch.items) {
    const FlushTotals size = totals_of(item);
    written_.entries += size.entries;
    written_.bytes += size.bytes;
    if (catalog_.find(item.cache) == nullptr) continue;
    FlushInfo& info = infos_[item.cache];
    info.written.entries += size.entries;
    info.written.bytes += size.bytes;
    info.last_sync_ms = clock_.now();
  }
  if (last_error_) log_.info("writing to disk works again");
  last_error_.reset();
  backoff_.reset();
  tell_progress();
  serve_clean();
  schedule();
}

void Flusher::batch_failed(const Batch& batch, const StoreError& error) {
  catalog_.write_back().batch_failed(batch);
  std::optional<storage::CacheId> counted;
  for (const BatchItem& item : batch.items) {  // sorted by cache
    if (counted != item.cache && catalog_.find(item.cache) != nullptr) ++infos_[item.cache].sync_errors;
    counted = item.cache;
  }
  last_error_ = error;
  const std::uint64_t retry_ms = backoff_.next_ms();
  log_.error(text_of(catalog_.write_back().totals()) + " cannot be written to disk, trying again in " +
             std::to_string(retry_ms) + " ms: " + error.text);
  wait(Wait::kRetry, retry_ms);
  fail_waiters(error);
  schedule();
}

void Flusher::fail_waiters(const StoreError& error) {
  const auto waiters = std::exchange(waiters_, {});
  const auto point_waiters = std::exchange(point_waiters_, {});
  for (const auto& [sequence, done] : waiters) done(error);
  for (const PointWaiter& waiter : point_waiters) waiter.done(error);
}

void Flusher::serve_clean() {
  if (waiters_.empty()) return;
  const auto end = waiters_.upper_bound(catalog_.write_back().clean_through());
  std::vector<CleanDone> served;
  for (auto waiter = waiters_.begin(); waiter != end; ++waiter) served.push_back(std::move(waiter->second));
  waiters_.erase(waiters_.begin(), end);
  for (const CleanDone& done : served) done(std::nullopt);
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
