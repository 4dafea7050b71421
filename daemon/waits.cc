#include "daemon/waits.h"

namespace pannier::daemon {

Waits::Ticket::Ticket(Waits& waits, ConnectionId connection, std::uint64_t bytes)
    : waits_(waits), connection_(connection), user_(waits.user_of_(connection)), bytes_(bytes) {
  Of& of = waits_.connections_[connection_];
  ++of.requests;
  of.bytes += bytes_;
  waits_.bytes_ += bytes_;
  ++waits_.requests_;
  if (user_) ++waits_.users_[*user_];
}

Waits::Ticket::~Ticket() {
  keep_order(false);
  const auto found = waits_.connections_.find(connection_);
  found->second.bytes -= bytes_;
  waits_.bytes_ -= bytes_;
  if (--found->second.requests == 0) waits_.connections_.erase(found);
  --waits_.requests_;
  if (user_ && --waits_.users_[*user_] == 0) waits_.users_.erase(*user_);
}

void Waits::Ticket::grow(std::int64_t bytes) {
  const auto difference = static_cast<std::uint64_t>(bytes);
  bytes_ += difference;
  waits_.connections_[connection_].bytes += difference;
  waits_.bytes_ += difference;
}

void Waits::Ticket::keep_order(bool is_in_order) {
  if (is_in_order == is_in_order_) return;
  is_in_order_ = is_in_order;
  std::uint64_t& in_order = waits_.connections_[connection_].in_order;
  is_in_order ? ++in_order : --in_order;
  is_in_order ? ++waits_.in_order_ : --waits_.in_order_;
}

std::shared_ptr<Waits::Ticket> Waits::take(ConnectionId connection, std::uint64_t bytes) {
  return std::make_shared<Ticket>(*this, connection, bytes);
}

Waits::Of Waits::of(ConnectionId connection) const {
  const auto found = connections_.find(connection);
  return found == connections_.end() ? Of() : found->second;
}

std::uint64_t Waits::requests_of_user(ConnectionId connection) const {
  const auto user = user_of_(connection);
  const auto found = user ? users_.find(*user) : users_.end();
  return found == users_.end() ? 0 : found->second;
}

}  // namespace pannier::daemon
