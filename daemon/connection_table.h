// ConnectionTable finds what belongs to a connection by its id, without a search: an id holds a place in the
// table and a number that no other connection of the daemon's life has.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "daemon/connection.h"
#include "daemon/dispatcher.h"
#include "daemon/visitor.h"

namespace pannier::daemon {

/// A connection, and how the server stands with it.
struct ConnectionSlot {
  ConnectionId id = 0;  ///< 0 while it is free
  std::unique_ptr<Connection> connection;
  std::shared_ptr<Visitor> visitor;
  pid_t pid = 0;  ///< see PeerProcess
  bool is_served = false;
  bool is_marked = false;
  bool is_ready = false;
  bool is_wide = false;
  std::uint64_t accounted_bytes = 0;
};

class ConnectionTable {
 public:
  /// The id that add() will take next.
  ConnectionId next_id() const {
    return (last_number_ + 1) << kPlaceBits | (free_.empty() ? slots_.size() : free_.back());
  }
  /// A slot of that id, which stays where it is until erase().
  ConnectionSlot& add(std::unique_ptr<Connection> connection);
  /// Null if it is gone, and for 0, which is no connection's.
  ConnectionSlot* find(ConnectionId id) {
    const std::size_t place = id & kPlaceMask;
    return id != 0 && place < slots_.size() && slots_[place].id == id ? &slots_[place] : nullptr;
  }
  const ConnectionSlot* find(ConnectionId id) const { return const_cast<ConnectionTable*>(this)->find(id); }
  /// Destroys the connection.
  void erase(ConnectionSlot& slot);

  std::size_t size() const { return slots_.size() - free_.size(); }
  /// Calls `use` with the slot of each connection.
  template <typename Use>
  void for_each(Use use) {
    for (ConnectionSlot& slot : slots_) {
      if (slot.id != 0) use(slot);
    }
  }
  /// How many connections there were before this one, and one: for people.
  static std::uint64_t number_of(ConnectionId id) { return id >> kPlaceBits; }

 private:
  static constexpr unsigned kPlaceBits = 24;
  static constexpr ConnectionId kPlaceMask = (ConnectionId{1} << kPlaceBits) - 1;

  std::deque<ConnectionSlot> slots_;
  std::vector<std::size_t> free_;  // places
  std::uint64_t last_number_ = 0;
};

/// For people: "connection 12 of pid 345, uid 1000"; what is not known is left out.
std::string connection_text(const Outbox& outbox, ConnectionId id);

}  // namespace pannier::daemon
