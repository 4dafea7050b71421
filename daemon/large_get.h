// LargeGet: the answer with a very large value, which is copied in steps, so that others are served
// meanwhile.
//
// The happy path: each step copies a part of the value; when all of it is there, it is sent. Until then
// nothing more of its connection is executed. Nothing keeps the value as it is: when it was overwritten, the
// copy begins anew with what is there now, so that what is sent is what is there when it is sent, and no
// older than what a subscriber was told; from the third beginning on it is one step. What else can come in
// between: the entry goes (nil), or leaves memory for the disk (it is loaded, and answered in one step); the
// cache is dropped (unknown_cache).
#pragma once

#include <string_view>

#include "daemon/service.h"
#include "storage/cache.h"

namespace pannier::daemon {

/// Answers [value] to a get that has found it: a value of more than Replies::kCopiedBytesMax, in one step or
/// in several. Whoever dispatches requests of this connection has to ask Dispatcher::is_congested() then.
void answer_large(Service& service, const Address& to, const storage::Cache& cache, std::string_view key,
                  const storage::EntryView& entry);

}  // namespace pannier::daemon
