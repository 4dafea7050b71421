// Erasing many entries at once: clear and drop, as far as they go on after their request was taken.
//
// clear: from its start what is to go is a miss for everyone. In memory it goes step by step (Background).
// For a durable cache first what is dirty is written, so that the disk alone knows what there is; then the
// range is erased on disk, step by step between other writes; then what is left in memory goes. drop of a
// durable cache: its definition goes, then its records step by step, then the note that they have to.
//
// What can fail is the disk. The client is answered the first error; the work is tried again with a back-off
// until it is done or the daemon stops, because what was taken from a cache must not come back. A drop goes
// on in the next process. Where records cannot be read, all around them are erased, and that is such an
// error.
#pragma once

#include <string_view>

#include "daemon/replies.h"
#include "daemon/service.h"
#include "storage/cache.h"

namespace pannier::daemon {

/// Answers how many live entries went.
void start_clear(Service& service, const Address& to, storage::Cache& cache, std::string_view prefix,
                 storage::TimeMs now);

/// Of a durable cache that is no longer in the catalog. Answers true when all of it is gone from disk.
void start_disk_drop(Service& service, const Address& to, storage::CacheId cache);
/// Goes on with a drop that an earlier process began.
void resume_disk_drop(Service& service, storage::CacheId cache);

}  // namespace pannier::daemon
