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

}  // namespace pannier::daemon
