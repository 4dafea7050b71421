// VersionKeeper: sees to it that no version is ever given twice, not even after a crash: the catalog may only
// give out versions below a bound that is on disk. The bound is moved a block at a time, long before it is
// reached; a crash wastes what is left of a block, a clean stop one.
//
// Owner: main. Loop thread only; destroy it when the DiskWorker is idle.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <variant>

#include "daemon/backoff.h"
#include "daemon/disk_worker.h"
#include "daemon/uv_loop.h"
#include "daemon/uv_timer.h"
#include "storage/catalog.h"
#include "storage/durable_store.h"

namespace pannier::daemon {

class VersionKeeper {
 public:
  static constexpr std::uint64_t kBlock = std::uint64_t{1} << 28;

  /// Reserves the first block, blocking, and tells the catalog. Call it before the DiskWorker owns the store.
  /// An error if the disk fails, or if all 2^53 versions are used up.
  static std::variant<std::unique_ptr<VersionKeeper>, storage::StoreError> start(UvLoop& loop,
                                                                                 storage::DurableStore& store,
                                                                                 storage::Catalog& catalog,
                                                                                 DiskWorker& disk);
  VersionKeeper(const VersionKeeper&) = delete;
  VersionKeeper& operator=(const VersionKeeper&) = delete;

  /// To be called after writes, once a loop pass is enough: cheap. Reserves a further block when less than
  /// half of one is left, and tries again after a back-off if that fails; the catalog answers NoVersions when
  /// none is left.
  void poke();
  /// Gives back what was not used: puts the bound on disk right above the last version that was given out and
  /// one more, so that it is never the one that this process found. Nothing may take a version from now on.
  /// An error only wastes versions.
  void stop(DiskWorker::Done done);

 private:
  VersionKeeper(UvLoop& loop, storage::Catalog& catalog, DiskWorker& disk, storage::Version bound);
  storage::Version next_unused() const;
  void reserve();
  void reserved(storage::Version bound, const std::optional<storage::StoreError>& error);

  storage::Catalog& catalog_;
  DiskWorker& disk_;
  storage::Version bound_;
  bool is_reserving_ = false;
  bool is_stopped_ = false;
  Backoff backoff_;
  UvTimer retry_timer_;
};

}  // namespace pannier::daemon
