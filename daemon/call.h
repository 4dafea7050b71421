// A call: one request or notification on its way through its handler, and what a handler answers.
#pragma once

#include <variant>

#include "daemon/leases.h"
#include "daemon/replies.h"
#include "daemon/right.h"
#include "protocol/bytes.h"
#include "protocol/error.h"
#include "storage/types.h"

namespace pannier::daemon {

class Service;

struct Call {
  Address from;
  protocol::Bytes params;  ///< the array whole; valid while the handler runs
  storage::TimeMs now = 0;
};

/// The reply is written, or will be by whatever the handler set going.
struct Answered {};
/// The key is cold or waited for: nothing was done, call again when it is loaded.
struct NeedsKey {
  CacheKey key;
};
using Outcome = std::variant<Answered, NeedsKey, protocol::Error>;

/// A method: one function in one file under handlers/, one row in methods.cc.
using Handler = Outcome (*)(Service& service, const Call& call);

struct Method {
  std::string_view name;
  Handler handler;
  Takes takes;  ///< of its caller
};

}  // namespace pannier::daemon
