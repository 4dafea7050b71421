#include "daemon/held_bytes.h"

namespace pannier::daemon {
namespace {

/// What is held keeps the connection's whole buffer.
constexpr std::size_t kCopiedBytesMax = std::size_t{64} << 10;

}  // namespace

HeldBytes::HeldBytes(Outbox& outbox, ConnectionId from, protocol::Bytes part) : bytes_(part) {
  if (part.size() > kCopiedBytesMax) held_ = outbox.hold_input(from, part);
  if (held_ != nullptr) return;
  copy_ = part;
  bytes_ = copy_;
}

}  // namespace pannier::daemon
