#include "daemon/heartbeat.h"

#include <algorithm>
#include <utility>

#include "daemon/quantity.h"

namespace pannier::daemon {
namespace {

/// The status is for people, and each change of it wakes whoever watches the unit.
constexpr std::uint64_t kStatusMs = 10'000;

std::uint64_t interval_of(const ServiceManager& manager) {
  // Half of the time, as sd_watchdog_enabled(3) wants it.
  return std::clamp<std::uint64_t>(manager.watchdog_ms().value_or(2 * kStatusMs) / 2, 1, kStatusMs);
}

/// In whole MiB: a line that stays the same while little happens.
std::string about(std::uint64_t bytes) {
  constexpr std::uint64_t kMib = std::uint64_t{1} << 20;
  return size_text((bytes + kMib - 1) / kMib * kMib);
}

std::string status_of(const Service& service) {
  const auto dirty = service.catalog.write_back().totals();
  std::string text = "serves " + std::to_string(service.outbox.connections()) + " connections, " +
                     std::to_string(service.catalog.entries_in_memory()) + " entries in " +
                     about(service.catalog.memory_used()) + " of " +
                     size_text(service.catalog.options().memory_bytes_max) + " memory, " +
                     std::to_string(dirty.entries) + " of them not on disk yet";
  if (service.disk.is_failing()) text += "; writing to disk fails";
  return text;
}

}  // namespace

Heartbeat::Heartbeat(UvLoop& loop, const ServiceManager& manager, const Service& service)
    : manager_(manager),
      service_(service),
      interval_ms_(interval_of(manager)),
      timer_(loop, [this] { beat(); }) {}

void Heartbeat::start() {
  if (manager_.is_there()) timer_.start(interval_ms_);
}

void Heartbeat::beat() {
  if (manager_.watchdog_ms()) manager_.alive();
  // A stop has a status of its own.
  if (!service_.is_stopping) {
    std::string status = status_of(service_);
    if (status != told_status_) manager_.status(status);
    told_status_ = std::move(status);
  }
  timer_.start(interval_ms_);
}

}  // namespace pannier::daemon
