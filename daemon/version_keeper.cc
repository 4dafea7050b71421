#include "daemon/version_keeper.h"

#include <algorithm>
#include <string>
#include <utility>

namespace pannier::daemon {

using storage::StoreError;
using storage::Version;

namespace {

constexpr Version kVersionFirst = 1;  // 0 is none
constexpr Version kVersionEnd = storage::kVersionMax + 1;

/// Without overflow, for a bound read from disk may be anything.
Version next_bound(Version bound) {
  return bound < kVersionEnd - VersionKeeper::kBlock ? bound + VersionKeeper::kBlock : kVersionEnd;
}

}  // namespace

std::variant<std::unique_ptr<VersionKeeper>, StoreError> VersionKeeper::start(UvLoop& loop,
                                                                              storage::DurableStore& store,
                                                                              storage::Catalog& catalog,
                                                                              DiskWorker& disk) {
  const auto reserved = store.reserved_versions();
  if (const auto* error = std::get_if<StoreError>(&reserved)) return *error;
  const Version from = std::max(std::get<Version>(reserved), kVersionFirst);
  if (from >= kVersionEnd) {
    return StoreError{"all versions up to " + std::to_string(storage::kVersionMax) +
                      " are used up: this data directory can be written to no more"};
  }
  const Version bound = next_bound(from);
  catalog.note_reserving(bound);
  if (auto error = store.reserve_versions(bound)) return std::move(*error);
  catalog.set_versions(from, bound);
  return std::unique_ptr<VersionKeeper>(new VersionKeeper(loop, catalog, disk, bound));
}

VersionKeeper::VersionKeeper(UvLoop& loop, storage::Catalog& catalog, DiskWorker& disk, Version bound)
    : catalog_(catalog), disk_(disk), bound_(bound), retry_timer_(loop, [this] { reserve(); }) {}

Version VersionKeeper::next_unused() const { return bound_ - catalog_.versions_left(); }

void VersionKeeper::poke() {
  if (is_reserving_ || is_stopped_ || bound_ == kVersionEnd || retry_timer_.is_active()) return;
  if (catalog_.versions_left() < kBlock / 2) reserve();
}

void VersionKeeper::reserve() {
  is_reserving_ = true;
  const Version bound = next_bound(bound_);
  catalog_.note_reserving(bound);
  disk_.reserve_versions(bound,
                         [this, bound](const std::optional<StoreError>& error) { reserved(bound, error); });
}

void VersionKeeper::reserved(Version bound, const std::optional<StoreError>& error) {
  is_reserving_ = false;
  if (is_stopped_) return;
  if (error) return retry_timer_.start(backoff_.next_ms());
  backoff_.reset();
  const Version from = next_unused();
  bound_ = bound;
  catalog_.set_versions(from, bound);
}

void VersionKeeper::stop(DiskWorker::Done done) {
  is_stopped_ = true;
  retry_timer_.stop();
  // One is used up for this process, whatever it did: by the bound alone, memory that was kept before it was
  // there is known to be out of date, and to erase takes no version.
  catalog_.take_version();
  const Version from = next_unused();
  catalog_.note_reserving(bound_);
  catalog_.set_versions(from, from);
  disk_.reserve_versions(from, std::move(done));
}

}  // namespace pannier::daemon
