// Where the response to a request goes, and when the request came.
#pragma once

#include <cstdint>

#include "daemon/dispatcher.h"
#include "protocol/message.h"

namespace pannier::daemon {

/// When a request came, and which row of the meter it is told in.
struct Received {
  std::uint64_t at_ns = 0;  ///< of UvLoop::clock_ns(); 0: it has no time
  std::uint8_t row = 0;
};

struct Address {
  ConnectionId connection = 0;
  protocol::MessageId id;
  bool is_notification = false;
  Received received = {};
};

}  // namespace pannier::daemon
