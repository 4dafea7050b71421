#include "daemon/server.h"

#include <algorithm>
#include <utility>

namespace pannier::daemon {
namespace {

/// What the kernel keeps waiting to be accepted, if its own limit allows.
constexpr int kBacklog = 1'024;
constexpr std::size_t kSharedSpaceBytes = std::size_t{64} << 10;

protocol::Error too_many_connections(std::uint32_t connections_max) {
  return {protocol::ErrorCode::kOverloaded,
          "there are " + std::to_string(connections_max) + " connections, the limit; try again later"};
}

protocol::Error too_much_buffered(std::uint64_t buffer_bytes, std::uint64_t buffer_bytes_max) {
  return {protocol::ErrorCode::kOverloaded,
          "the buffers of all connections hold " + std::to_string(buffer_bytes) +
              " bytes, over the limit of " + std::to_string(buffer_bytes_max) +
              " bytes, and the message of this one is the largest; try again later"};
}

}  // namespace

Server::Server(UvLoop& loop, const Clock& clock, Log& log, const ClientLimits& limits)
    : loop_(loop),
      clock_(clock),
      log_(log),
      limits_(limits),
      shared_space_(kSharedSpaceBytes),
      idle_(loop, [this] { run_ready(); }),
      // It only wakes the loop: the end of that pass does the work.
      watch_timer_(loop, [] {}) {}

Server::~Server() = default;

void Server::listen(int bound_fd, Dispatcher& dispatcher) {
  dispatcher_ = &dispatcher;
  pass_end_ = std::make_unique<UvPassEnd>(loop_, [this] { settle(); });
  listener_ = std::make_unique<UvListener>(loop_, bound_fd, kBacklog, [this] { accept(); });
}

void Server::stop_accepting() { listener_.reset(); }

void Server::close(std::function<void()> done) {
  stop_accepting();
  closed_ = std::move(done);
  for (auto& [id, slot] : slots_) slot.connection->finish();
  idle_.start();
}

void Server::accept() {
  const ConnectionId id = ++last_id_;
  ConnectionHost& host = *this;
  auto connection = std::make_unique<Connection>(id, loop_, clock_, limits_, *dispatcher_, host);
  if (!listener_->accept(connection->pipe())) return;
  Connection& accepted = *connection;
  Slot& slot = slots_[id];
  slot.connection = std::move(connection);
  slot.is_served = served_ < limits_.connections_max;
  if (!slot.is_served) return refuse(accepted);
  ++served_;
  is_refusing_ = false;
  accepted.start();
  if (log_.shows(LogLevel::kDebug)) log_.debug("connection " + std::to_string(id) + " accepted");
}

void Server::refuse(Connection& connection) {
  const protocol::Error error = too_many_connections(limits_.connections_max);
  if (!is_refusing_) log_.warning("connections are refused: " + error.text);
  is_refusing_ = true;
  connection.refuse(error);
  if (slots_.size() > limits_.connections_max + kRefusedMax) connection.finish();
}

// -- Outbox, and what connections tell

std::string* Server::output(ConnectionId to) {
  const auto found = slots_.find(to);
  if (found == slots_.end()) return nullptr;
  mark(to, found->second);
  account(std::exchange(last_output_, to));
  account(found->second);
  return found->second.connection->output();
}

std::uint64_t Server::unsent_bytes(ConnectionId to) const {
  const auto found = slots_.find(to);
  return found == slots_.end() ? 0 : found->second.connection->unsent_bytes();
}

void Server::attend(ConnectionId id) {
  if (const auto found = slots_.find(id); found != slots_.end()) mark(id, found->second);
}

void Server::account(ConnectionId id) {
  if (const auto found = slots_.find(id); found != slots_.end()) account(found->second);
}

void Server::mark(ConnectionId id, Slot& slot) {
  if (slot.is_marked) return;
  slot.is_marked = true;
  marked_.push_back(id);
}

void Server::account(Slot& slot) {
  const std::uint64_t bytes = slot.connection->buffer_bytes();
  buffer_bytes_ += bytes - slot.accounted_bytes;
  slot.accounted_bytes = bytes;
}

// -- the pass

void Server::run_ready() {
  for (const ConnectionId id : std::exchange(ready_, {})) {
    const auto found = slots_.find(id);
    if (found == slots_.end()) continue;
    found->second.is_ready = false;
    found->second.connection->run();
  }
}

void Server::settle() {
  for (const ConnectionId id : std::exchange(watched_, {})) attend(id);
  for (const ConnectionId id : std::exchange(marked_, {})) settle_one(id);
  while (buffers_are_full()) shed_largest();
  // What was appended while others were settled is sent in the next pass, which must not sleep before.
  marked_.empty() && ready_.empty() ? idle_.stop() : idle_.start();
  if (!watched_.empty()) watch_timer_.start(Connection::kWatchMs);
  if (slots_.empty() && closed_) std::exchange(closed_, nullptr)();
}

void Server::settle_one(ConnectionId id) {
  const auto found = slots_.find(id);
  if (found == slots_.end()) return;
  Slot& slot = found->second;
  slot.is_marked = false;
  const Connection::Next next = slot.connection->settle();
  account(slot);
  switch (next) {
    case Connection::Next::kNothing:
      return;
    case Connection::Next::kRun:
      if (!std::exchange(slot.is_ready, true)) ready_.push_back(id);
      return;
    case Connection::Next::kWatch:
      return watched_.push_back(id);
    case Connection::Next::kDestroy:
      return destroy(id, slot);
  }
}

void Server::shed_largest() {
  const auto largest =
      std::max_element(slots_.begin(), slots_.end(), [](const auto& left, const auto& right) {
        return left.second.accounted_bytes < right.second.accounted_bytes;
      });
  const ConnectionId id = largest->first;
  const protocol::Error error = too_much_buffered(buffer_bytes_, limits_.buffer_bytes_max);
  log_.warning("connection " + std::to_string(id) + " with buffers of " +
               std::to_string(largest->second.accounted_bytes) + " bytes is closed: " + error.text);
  largest->second.connection->shed(error);
  settle_one(id);
}

void Server::destroy(ConnectionId id, Slot& slot) {
  if (log_.shows(LogLevel::kDebug)) {
    log_.debug("connection " + std::to_string(id) + " is gone: " + std::string(slot.connection->reason()));
  }
  buffer_bytes_ -= slot.accounted_bytes;
  if (slot.is_served) --served_;
  slots_.erase(id);
}

}  // namespace pannier::daemon
