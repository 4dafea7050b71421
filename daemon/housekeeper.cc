#include "daemon/housekeeper.h"

#include <algorithm>

#include "daemon/handlers/common.h"

namespace pannier::daemon {

using storage::TimeMs;

namespace {

/// Expired entries are taken back together rather than one by one: a promise of a second leaves room for
/// that.
constexpr TimeMs kExpiryPauseMs = 20;
/// Of background work in a pass; the step that is over it is the last one.
constexpr std::uint64_t kBackgroundNsMax = 500'000;

}  // namespace

Housekeeper::Housekeeper(UvLoop& loop, Service& service, VersionKeeper& versions, HugePages& huge_pages)
    : service_(service),
      versions_(versions),
      huge_pages_(huge_pages),
      timer_(loop, [this] { work(); }),
      pass_end_(loop, [this] { pass_ended(); }) {}

void Housekeeper::work() {
  armed_for_ = storage::kNever;
  const TimeMs now = service_.clock.now();
  if (!service_.catalog.step(now, kVisitsPerStep)) worked_at_ = now;
  answer_waiters(service_, service_.leases.expire(now), now);
  if (service_.shared_reads.next_due() <= now) service_.shared_reads.gather(now);
  const std::uint64_t started_ns = UvLoop::clock_ns();
  service_.background.step(now, [&] { return UvLoop::clock_ns() - started_ns < kBackgroundNsMax; });
}

void Housekeeper::expect_arriving() {
  const std::uint64_t bytes = service_.arriving.bytes();
  if (bytes == expected_bytes_ && !is_making_room_) return;
  expected_bytes_ = bytes;
  is_making_room_ = bytes > 0 && service_.catalog.expect(bytes, service_.clock.now(), kVisitsPerStep);
}

void Housekeeper::pass_ended() {
  service_.flusher.poke();
  versions_.poke();
  huge_pages_.poke();
  service_.shared_reads.poke(service_.clock.now());
  expect_arriving();
  const TimeMs due = next_due();
  if (due == armed_for_) return;
  armed_for_ = due;
  if (due == storage::kNever) return timer_.stop();
  timer_.start(static_cast<std::uint64_t>(std::max<TimeMs>(due - service_.clock.now(), 0)));
}

TimeMs Housekeeper::next_due() const {
  TimeMs due = service_.catalog.next_due();
  if (due != storage::kNever) due = std::max(due, worked_at_ + kExpiryPauseMs);
  if (is_making_room_) due = 0;
  return std::min(
      {due, service_.leases.next_due(), service_.background.next_due(), service_.shared_reads.next_due()});
}

}  // namespace pannier::daemon
