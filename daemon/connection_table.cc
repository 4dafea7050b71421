#include "daemon/connection_table.h"

#include <utility>

namespace pannier::daemon {

ConnectionSlot& ConnectionTable::add(std::unique_ptr<Connection> connection) {
  const ConnectionId id = next_id();
  ++last_number_;
  if (free_.empty()) {
    slots_.emplace_back();
  } else {
    free_.pop_back();
  }
  ConnectionSlot& slot = slots_[id & kPlaceMask];
  slot.id = id;
  slot.connection = std::move(connection);
  return slot;
}

void ConnectionTable::erase(ConnectionSlot& slot) {
  const std::size_t place = slot.id & kPlaceMask;
  slot = {};
  free_.push_back(place);
}

std::string connection_text(const Outbox& outbox, ConnectionId id) {
  std::string text = "connection " + std::to_string(ConnectionTable::number_of(id));
  if (const pid_t pid = outbox.pid(id); pid != 0) text += " of pid " + std::to_string(pid);
  const Visitor* const visitor = outbox.visitor(id);
  if (visitor != nullptr && visitor->peer.uid != Peer::kNobody)
    text += ", uid " + std::to_string(visitor->peer.uid);
  return text;
}

}  // namespace pannier::daemon
