#include "daemon/server.h"

#include <utility>

namespace pannier::daemon {
namespace {

/// What the kernel keeps waiting to be accepted, if its own limit allows.
constexpr int kBacklog = 4'096;
/// A value of 64 KiB arrives whole.
constexpr std::size_t kSharedSpaceBytes = (std::size_t{64} << 10) + InputBuffer::kAroundValueBytes;

protocol::Error too_many_connections(std::uint32_t connections_max) {
  return {protocol::ErrorCode::kOverloaded,
          "there are " + std::to_string(connections_max) + " connections, the limit; try again later"};
}

protocol::Error too_many_of_user(uid_t uid, std::uint32_t connections_max) {
  return {protocol::ErrorCode::kOverloaded, "the user with uid " + std::to_string(uid) + " has " +
                                                std::to_string(connections_max) +
                                                " connections, as many as max_user_connections allows"};
}

protocol::Error too_much_of_user(std::uint64_t buffer_bytes_max) {
  return {protocol::ErrorCode::kOverloaded,
          "the buffers of all connections of its user hold more than max_user_buffers, " +
              std::to_string(buffer_bytes_max) +
              " bytes, and the message of this one is the largest; try again later"};
}

protocol::Error too_much_buffered(std::uint64_t buffer_bytes, std::uint64_t buffer_bytes_max) {
  return {protocol::ErrorCode::kOverloaded,
          "the buffers of all connections hold " + std::to_string(buffer_bytes) +
              " bytes, over the limit of " + std::to_string(buffer_bytes_max) +
              " bytes, and the message of this one is the largest; try again later"};
}

}  // namespace

Server::Server(UvLoop& loop, const Clock& clock, Log& log, const ClientLimits& limits, std::uint32_t spin_us)
    : loop_(loop),
      clock_(clock),
      log_(log),
      limits_(limits),
      shared_space_(kSharedSpaceBytes),
      spinner_(spin_us),
      idle_(loop, [this] { run_ready(); }),
      // It only wakes the loop: the end of that pass does the work.
      watch_timer_(loop, [] {}) {}

Server::~Server() = default;

void Server::listen(int bound_fd, Dispatcher& dispatcher) {
  dispatcher_ = &dispatcher;
  pass_end_ = std::make_unique<UvPassEnd>(loop_, [this] { settle(); });
  listener_ = std::make_unique<UvListener>(loop_, bound_fd, kBacklog, [this] { accept(); });
}

void Server::limits_changed(std::uint32_t spin_us) {
  spinner_ = Spinner(spin_us);
  slots_.for_each([](Slot& slot) { slot.connection->limits_changed(); });
}

void Server::stop_accepting() { listener_.reset(); }

void Server::close(std::function<void()> done) {
  stop_accepting();
  closed_ = std::move(done);
  slots_.for_each([](Slot& slot) { slot.connection->finish(); });
  idle_.start();
}

void Server::accept() {
  const ConnectionId id = slots_.next_id();
  ConnectionHost& host = *this;
  auto connection = std::make_unique<Connection>(id, loop_, clock_, limits_, *dispatcher_, host);
  if (!listener_->accept(connection->pipe())) return;
  Connection& accepted = *connection;
  Slot& slot = slots_.add(std::move(connection));
  const PeerProcess process = peer_of(accepted.pipe().descriptor());
  slot.visitor = visitors_.record_of(process.peer);
  slot.pid = process.pid;
  const auto refusal = this->refusal(*slot.visitor->user);
  slot.is_served = !refusal;
  if (refusal) return refuse(accepted, *refusal);
  ++slot.visitor->user->connections;
  ++served_;
  ++traffic_.accepted;
  accepted.start();
  if (log_.shows(LogLevel::kDebug)) log_.debug(connection_text(*this, id) + " accepted");
}

std::optional<protocol::Error> Server::refusal(const UserShare& user) const {
  if (served_ >= limits_.connections_max) return too_many_connections(limits_.connections_max);
  if (user.is_bounded && user.connections >= limits_.user_connections_max)
    return too_many_of_user(user.uid, limits_.user_connections_max);
  return std::nullopt;
}

void Server::refuse(Connection& connection, const protocol::Error& error) {
  ++traffic_.refused;
  if (const auto left_out = refusal_told_.told(clock_.now())) {
    log_.warning(
        "a connection is refused: " + error.text +
        (*left_out > 0 ? "; " + std::to_string(*left_out) + " more were since the last such line" : ""));
  }
  connection.refuse(error);
  if (slots_.size() > served_ + kRefusedMax) connection.finish();
}

// -- Outbox, and what connections tell

std::string* Server::output(ConnectionId to) {
  Slot* const slot = slots_.find(to);
  if (slot == nullptr) return nullptr;
  mark(*slot);
  account(std::exchange(last_output_, to));
  account(*slot);
  return slot->connection->output();
}

void Server::send_through(ConnectionId to, std::span<const protocol::Bytes> parts) {
  Slot* const slot = slots_.find(to);
  if (slot == nullptr) return;
  mark(*slot);
  slot->connection->send_through(parts);
  account(*slot);
}

void Server::send_with(ConnectionId to, std::span<const int> descriptors) {
  Slot* const slot = slots_.find(to);
  if (slot == nullptr) return;
  mark(*slot);
  slot->connection->send_with(descriptors);
  account(*slot);
}

std::shared_ptr<const void> Server::hold_input(ConnectionId from, protocol::Bytes part) {
  Slot* const slot = slots_.find(from);
  return slot == nullptr ? nullptr : slot->connection->hold_input(part);
}

std::uint64_t Server::unsent_bytes(ConnectionId to) const {
  const Slot* const slot = slots_.find(to);
  return slot == nullptr ? 0 : slot->connection->unsent_bytes();
}

Visitor* Server::visitor(ConnectionId of) const {
  const Slot* const slot = slots_.find(of);
  return slot == nullptr ? nullptr : slot->visitor.get();
}

pid_t Server::pid(ConnectionId of) const {
  const Slot* const slot = slots_.find(of);
  return slot == nullptr ? 0 : slot->pid;
}

void Server::dismiss(ConnectionId connection, const protocol::Error& error) {
  Slot* const slot = slots_.find(connection);
  if (slot == nullptr) return;
  mark(*slot);
  slot->connection->dismiss(error);
  account(*slot);
}

void Server::attend(ConnectionId id) {
  if (Slot* const slot = slots_.find(id)) mark(*slot);
}

void Server::account(ConnectionId id) {
  if (Slot* const slot = slots_.find(id)) account(*slot);
}

bool Server::allows_wide(ConnectionId id) {
  Slot* const slot = slots_.find(id);
  if (slot == nullptr || wide_ >= kWideMax) return false;
  slot->is_wide = true;
  ++wide_;
  return true;
}

void Server::mark(Slot& slot) {
  if (slot.is_marked) return;
  slot.is_marked = true;
  marked_.push_back(slot.id);
}

void Server::account(Slot& slot) {
  const std::uint64_t bytes = slot.connection->buffer_bytes();
  if (bytes == slot.accounted_bytes) return;
  UserShare& user = *slot.visitor->user;
  user.buffer_bytes += bytes - slot.accounted_bytes;
  buffer_bytes_ += bytes - slot.accounted_bytes;
  slot.accounted_bytes = bytes;
  if (is_over(user)) is_user_over_ = true;
}

// -- the pass

template <typename Use>
void Server::work_through(Ids& ids, Use use) {
  turn_.swap(ids);
  for (const ConnectionId id : turn_) use(id);
  turn_.clear();
}

void Server::run_ready() {
  work_through(ready_, [this](ConnectionId id) {
    Slot* const slot = slots_.find(id);
    if (slot == nullptr) return;
    slot->is_ready = false;
    slot->connection->run();
  });
}

void Server::settle() {
  const bool had_requests = !marked_.empty();
  work_through(watched_, [this](ConnectionId id) { attend(id); });
  work_through(marked_, [this](ConnectionId id) { settle_one(id); });
  if (buffers_are_full()) shed();
  // What was appended while others were settled is sent in the next pass, which must not sleep before.
  const bool has_more = !marked_.empty() || !ready_.empty();
  const bool spins = !spinner_.is_off() && spinner_.spins(had_requests, UvLoop::clock_ns());
  has_more || spins ? idle_.start() : idle_.stop();
  if (!watched_.empty()) watch_timer_.start(Connection::kWatchMs);
  if (slots_.size() == 0 && closed_) std::exchange(closed_, nullptr)();
}

void Server::settle_one(ConnectionId id) {
  Slot* const slot = slots_.find(id);
  if (slot == nullptr) return;
  slot->is_marked = false;
  const Connection::Next next = slot->connection->settle();
  account(*slot);
  switch (next) {
    case Connection::Next::kNothing:
      return;
    case Connection::Next::kRun:
      if (!std::exchange(slot->is_ready, true)) ready_.push_back(id);
      return;
    case Connection::Next::kWatch:
      return watched_.push_back(id);
    case Connection::Next::kDestroy:
      return destroy(*slot);
  }
}

template <typename MayGo>
bool Server::shed_largest(MayGo may_go, const protocol::Error& error) {
  Slot* largest = nullptr;
  slots_.for_each([&](Slot& slot) {
    const bool is_larger = largest == nullptr || slot.accounted_bytes > largest->accounted_bytes;
    if (is_larger && may_go(slot)) largest = &slot;
  });
  if (largest == nullptr) return false;
  log_.warning(connection_text(*this, largest->id) + " with buffers of " +
               std::to_string(largest->accounted_bytes) + " bytes is closed: " + error.text);
  largest->connection->shed(error);
  settle_one(largest->id);
  return true;
}

void Server::shed() {
  while (is_user_over_) {
    is_user_over_ = shed_largest([this](const Slot& slot) { return is_over(*slot.visitor->user); },
                                 too_much_of_user(limits_.user_buffer_bytes_max));
  }
  while (buffers_are_full()) {
    shed_largest([](const Slot&) { return true; },
                 too_much_buffered(buffer_bytes_, limits_.buffer_bytes_max));
  }
}

void Server::destroy(Slot& slot) {
  if (log_.shows(LogLevel::kDebug)) {
    log_.debug(connection_text(*this, slot.id) + " is gone: " + std::string(slot.connection->reason()));
  }
  buffer_bytes_ -= slot.accounted_bytes;
  slot.visitor->user->buffer_bytes -= slot.accounted_bytes;
  if (slot.is_served) {
    --served_;
    ++traffic_.closed;
    --slot.visitor->user->connections;
  }
  if (slot.is_wide) --wide_;
  slots_.erase(slot);
}

}  // namespace pannier::daemon
