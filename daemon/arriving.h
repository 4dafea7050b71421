// Arriving: how many bytes of large values are on their way in, over all connections. A large value needs
// much room at once; by this the catalog can make it in steps while the value arrives, instead of in the one
// step that stores it. Nothing is promised by it: a request may turn out to be refused, and its client may
// leave.
#pragma once

#include <cstdint>
#include <unordered_map>

#include "daemon/dispatcher.h"
#include "protocol/bytes.h"

namespace pannier::daemon {

/// Whether a frame that starts so brings values to be stored: a request or notification of put or put_many.
/// False where that cannot be told from what is there.
bool brings_values(protocol::Bytes start);

class Arriving {
 public:
  /// What has arrived so far of a frame of this connection that is not whole yet; empty when there is none
  /// any more. Only one that brings values counts.
  void note(ConnectionId from, protocol::Bytes start);

  /// Of all frames that count.
  std::uint64_t bytes() const { return bytes_; }

 private:
  std::unordered_map<ConnectionId, std::uint64_t> bytes_of_;
  std::uint64_t bytes_ = 0;
};

}  // namespace pannier::daemon
