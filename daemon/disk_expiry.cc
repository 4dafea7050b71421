#include "daemon/disk_expiry.h"

#include <algorithm>
#include <optional>

#include "daemon/uv_loop.h"

namespace pannier::daemon {

using storage::StoreError;
using storage::TimeMs;

namespace {

constexpr std::uint32_t kPiecesInRound = 4;
constexpr std::uint64_t kPauseLeastMs = 20;
constexpr TimeMs kWaitMs = 100;          // for a disk that is busy
constexpr std::uint32_t kWaitsMax = 50;  // then it takes its turn

}  // namespace

void DiskExpiry::start(Service& service, const DurableOptions& options) {
  service.background.add(service.clock.now() + static_cast<TimeMs>(options.expire_interval_ms),
                         std::make_shared<DiskExpiry>(service, options));
}

TimeMs DiskExpiry::step(TimeMs now) {
  if (service_.is_stopping) return storage::kNever;
  if (has_to_wait()) return now + kWaitMs;
  if (present_cache() == nullptr) return now + static_cast<TimeMs>(options_.expire_interval_ms);
  began_ns_ = UvLoop::clock_ns();
  pieces_ = 0;
  has_expired_ = false;
  scan();
  return storage::kNever;
}

void DiskExpiry::scan() {
  service_.disk.scan_in_turn(cache_, from_key_, kVisitsPerStep,
                             [self = shared_from_this()](const Outcome& outcome) { self->scanned(outcome); });
}

bool DiskExpiry::has_to_wait() {
  const bool is_busy = service_.disk.writes_pending() > 0 || service_.disk.reads_pending() > 0;
  const bool waits = service_.disk.is_failing() || (is_busy && ++waited_ < kWaitsMax);
  if (!waits) waited_ = 0;
  return waits;
}

storage::Cache* DiskExpiry::present_cache() {
  storage::Cache* next = nullptr;
  for (storage::Cache* cache : service_.catalog.caches()) {
    const bool is_ahead = cache->id() > cache_ || (cache->id() == cache_ && !from_key_.empty());
    if (!cache->is_durable() || !is_ahead || is_without_deadlines(*cache)) continue;
    if (next == nullptr || cache->id() < next->id()) next = cache;
  }
  if (next == nullptr || next->id() != cache_) enter(next);
  return next;
}

void DiskExpiry::enter(const storage::Cache* cache) {
  from_key_.clear();
  may_have_deadlines_ = false;
  cache_ = cache == nullptr ? 0 : cache->id();
  if (cache != nullptr) {
    deadlines_written_ = service_.flusher.info(cache_).deadlines_written;
  } else {
    std::erase_if(without_deadlines_,
                  [this](const auto& one) { return service_.catalog.find(one.first) == nullptr; });
  }
}

// What was written meanwhile has raised the number.
void DiskExpiry::leave() {
  without_deadlines_.erase(cache_);
  if (!may_have_deadlines_) without_deadlines_[cache_] = deadlines_written_;
}

bool DiskExpiry::is_without_deadlines(const storage::Cache& cache) const {
  const auto found = without_deadlines_.find(cache.id());
  return found != without_deadlines_.end() &&
         found->second == service_.flusher.info(cache.id()).deadlines_written;
}

void DiskExpiry::scanned(const Outcome& outcome) {
  if (service_.is_stopping) return;
  const auto* piece = std::get_if<storage::Scanned>(&outcome);
  // Where nothing can be read, the next walk looks again.
  from_key_ = piece != nullptr ? piece->next_key.value_or("") : "";
  if (piece == nullptr) may_have_deadlines_ = true;
  if (piece != nullptr) expire(*piece);
  const bool is_at_end = from_key_.empty();
  if (is_at_end) leave();
  ++pieces_ < kPiecesInRound && !is_at_end ? scan() : end_round();
}

void DiskExpiry::expire(const storage::Scanned& piece) {
  if (piece.unreadable) may_have_deadlines_ = true;
  storage::Cache* cache = service_.catalog.find(cache_);
  if (cache == nullptr) return;
  const TimeMs now = service_.clock.now();
  for (const storage::ScannedKey& scanned : piece.keys) {
    if (scanned.deadline == storage::kNever) continue;
    may_have_deadlines_ = true;
    if (service_.cold_keys.is_waited_for(cache_, scanned.key)) continue;
    if (cache->expire_scanned(scanned, now)) has_expired_ = true;
  }
}

void DiskExpiry::end_round() {
  if (!has_expired_) return go_on_later();
  service_.flusher.wait_clean(
      service_.catalog.write_back().sequence_last(),
      [self = shared_from_this()](const std::optional<StoreError>&) { self->go_on_later(); });
}

void DiskExpiry::go_on_later() {
  const std::uint64_t took_ms = (UvLoop::clock_ns() - began_ns_) / UvLoop::kNsPerMs;
  const std::uint64_t pause_ms = std::max(kPauseShare * took_ms, kPauseLeastMs);
  service_.background.add(service_.clock.now() + static_cast<TimeMs>(pause_ms), shared_from_this());
}

}  // namespace pannier::daemon
