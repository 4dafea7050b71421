// The caches that are there before the first request: the durable ones found on disk, those of the
// configuration, and `lru`, `ttl` and `durable`. Blocking: to be called before the loop runs and before the
// DiskWorker owns the store.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "daemon/config.h"
#include "storage/catalog.h"
#include "storage/durable_store.h"

namespace pannier::daemon {

/// Caches whose dropping an earlier process began and did not end: see resume_disk_drop.
struct InitialCaches {
  std::vector<storage::CacheId> unfinished_drops;
};
/// Why the daemon cannot start, for the log.
struct InitialCachesError {
  std::string text;
};

/// What is configured wins over what is on disk in bounds and ages; another tier or policy is an error. A
/// cache that is not configured stays as it was found.
std::variant<InitialCaches, InitialCachesError> open_initial_caches(storage::Catalog& catalog,
                                                                    storage::DurableStore& store,
                                                                    const Config& config,
                                                                    storage::TimeMs now);

}  // namespace pannier::daemon
