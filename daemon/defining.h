// The definitions of durable caches on disk, as they are written while the daemon serves.
#pragma once

#include <functional>
#include <optional>

#include "daemon/service.h"
#include "storage/cache.h"

namespace pannier::daemon {

/// Nothing is left to be written of its definition. One that failed is written by the next open, which may be
/// the same request once more.
bool is_defined_on_disk(const Service& service, const storage::Cache& cache);

/// Calls `done` when the definition is on disk, or with the error. A cache that was `created` and whose
/// definition could not be written is not there any more then. Precondition: the cache is durable.
void define_cache(Service& service, const storage::Cache& cache, bool created,
                  std::function<void(const std::optional<storage::StoreError>&)> done);

}  // namespace pannier::daemon
