// HeldBytes: bytes of a request that outlive its dispatch. Many of them are held where they have arrived,
// which takes no time; few are copied.
#pragma once

#include <memory>
#include <string>

#include "daemon/dispatcher.h"
#include "protocol/bytes.h"

namespace pannier::daemon {

class HeldBytes {
 public:
  /// `part`: of the frame of `from` that is being dispatched.
  HeldBytes(Outbox& outbox, ConnectionId from, protocol::Bytes part);
  HeldBytes(const HeldBytes&) = delete;
  HeldBytes& operator=(const HeldBytes&) = delete;

  protocol::Bytes bytes() const { return bytes_; }

 private:
  std::shared_ptr<const void> held_;
  std::string copy_;  ///< unless they are held
  protocol::Bytes bytes_;
};

}  // namespace pannier::daemon
