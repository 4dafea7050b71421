// Waits counts, for each connection, the requests that were taken but cannot be answered yet, because the
// disk has to be asked or they go in steps, and the memory they hold. Its figures decide when reading from a
// connection pauses.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <unordered_map>
#include <utility>

#include "daemon/dispatcher.h"

namespace pannier::daemon {

class Waits {
 public:
  struct Of {
    std::uint64_t requests = 0;
    std::uint64_t bytes = 0;
    std::uint64_t in_order = 0;  ///< of the requests: what follows must wait for them
  };

  /// One waiting request; it stops counting when the ticket goes. A ticket must not outlive its Waits.
  class Ticket {
   public:
    Ticket(Waits& waits, ConnectionId connection, std::uint64_t bytes);
    ~Ticket();
    Ticket(const Ticket&) = delete;
    Ticket& operator=(const Ticket&) = delete;

    /// The request holds so much more (or, negative, less).
    void grow(std::int64_t bytes);
    /// Whether what the connection has sent behind this request must wait; not unless this was called.
    void keep_order(bool is_in_order);

   private:
    Waits& waits_;
    ConnectionId connection_;
    std::optional<uid_t> user_;
    std::uint64_t bytes_;
    bool is_in_order_ = false;
  };

  /// The user whose requests are bounded together; nothing: they are not.
  using UserOf = std::function<std::optional<uid_t>(ConnectionId)>;
  explicit Waits(UserOf user_of) : user_of_(std::move(user_of)) {}

  /// Shared, because callbacks are copied.
  std::shared_ptr<Ticket> take(ConnectionId connection, std::uint64_t bytes);
  Of of(ConnectionId connection) const;
  /// Requests of all connections of the user that this one is of; 0 if they are not bounded.
  std::uint64_t requests_of_user(ConnectionId connection) const;
  /// Of all connections.
  std::uint64_t requests() const { return requests_; }
  std::uint64_t in_order() const { return in_order_; }
  std::uint64_t bytes() const { return bytes_; }

 private:
  UserOf user_of_;
  std::unordered_map<ConnectionId, Of> connections_;
  std::unordered_map<uid_t, std::uint64_t> users_;  ///< requests
  std::uint64_t requests_ = 0;
  std::uint64_t in_order_ = 0;
  std::uint64_t bytes_ = 0;
};

}  // namespace pannier::daemon
