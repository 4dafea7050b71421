// The caches that are there before the first request: to those that memory and the disk have kept
// (reconcile.h) it adds those of the configuration, and `lru`, `ttl` and `durable`. Blocking: to be called
// before the loop runs and before the DiskWorker owns the store.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "daemon/config.h"
#include "storage/catalog.h"
#include "storage/durable_store.h"

namespace pannier::daemon {

/// Why the daemon cannot start, for the log.
struct InitialCachesError {
  std::string text;
};

struct InitialCaches {
  std::vector<std::string> notes;  ///< sentences for the log: what was lost, or is not as it was opened
};

/// What is configured wins over what was found in bounds and ages; another tier or policy is an error for a
/// cache that is on disk, and empties any other. A cache that is not configured stays as it was found.
std::variant<InitialCaches, InitialCachesError> open_initial_caches(storage::Catalog& catalog,
                                                                    storage::DurableStore& store,
                                                                    const Config& config,
                                                                    storage::TimeMs now);

}  // namespace pannier::daemon
