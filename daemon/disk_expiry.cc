#include "daemon/disk_expiry.h"

#include <algorithm>
#include <optional>

#include "daemon/uv_loop.h"

namespace pannier::daemon {

using storage::StoreError;
using storage::TimeMs;

namespace {

constexpr std::uint64_t kPieceKeys = 2'000;
constexpr std::uint64_t kNsPerMs = 1'000'000;
constexpr std::uint64_t kPauseLeastMs = 20;
constexpr TimeMs kWaitMs = 100;          // for a disk that is busy
constexpr std::uint32_t kWaitsMax = 50;  // then it takes its turn

}  // namespace

void DiskExpiry::start(Service& service, std::uint64_t interval_ms) {
  service.background.add(service.clock.now() + static_cast<TimeMs>(interval_ms),
                         std::make_shared<DiskExpiry>(service, interval_ms));
}

TimeMs DiskExpiry::step(TimeMs now) {
  if (service_.is_stopping) return storage::kNever;
  if (has_to_wait()) return now + kWaitMs;
  const storage::Cache* cache = present_cache();
  if (cache == nullptr) return now + static_cast<TimeMs>(interval_ms_);
  began_ns_ = UvLoop::clock_ns();
  service_.disk.scan_in_turn(cache->id(), from_key_, kPieceKeys,
                             [self = shared_from_this()](const Outcome& outcome) { self->scanned(outcome); });
  return storage::kNever;
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
    if (!cache->is_durable() || !is_ahead) continue;
    if (next == nullptr || cache->id() < next->id()) next = cache;
  }
  if (next == nullptr || next->id() != cache_) from_key_.clear();
  cache_ = next == nullptr ? 0 : next->id();
  return next;
}

void DiskExpiry::scanned(const Outcome& outcome) {
  if (service_.is_stopping) return;
  const auto* piece = std::get_if<storage::Scanned>(&outcome);
  // What cannot be read is looked at again in the next walk.
  from_key_ = piece != nullptr ? piece->next_key.value_or("") : "";
  if (piece == nullptr || expire(*piece) == 0) return go_on_later();
  service_.flusher.wait_clean(
      service_.catalog.write_back().sequence_last(),
      [self = shared_from_this()](const std::optional<StoreError>&) { self->go_on_later(); });
}

std::uint64_t DiskExpiry::expire(const storage::Scanned& piece) {
  storage::Cache* cache = service_.catalog.find(cache_);
  if (cache == nullptr) return 0;
  const TimeMs now = service_.clock.now();
  std::uint64_t expired = 0;
  for (const storage::ScannedKey& scanned : piece.keys) {
    if (service_.cold_keys.is_waited_for(cache_, scanned.key)) continue;
    if (cache->expire_scanned(scanned, now)) ++expired;
  }
  return expired;
}

void DiskExpiry::go_on_later() {
  const std::uint64_t took_ms = (UvLoop::clock_ns() - began_ns_) / kNsPerMs;
  const std::uint64_t pause_ms = std::max(kPauseShare * took_ms, kPauseLeastMs);
  service_.background.add(service_.clock.now() + static_cast<TimeMs>(pause_ms), shared_from_this());
}

}  // namespace pannier::daemon
