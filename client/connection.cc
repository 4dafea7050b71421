#include "client/connection.h"

#include <algorithm>
#include <system_error>
#include <utility>

#include "client/process.h"
#include "protocol/cursor.h"
#include "protocol/message.h"

namespace pannier::detail {

namespace {

/// Received at once, unless a message announces more.
constexpr std::size_t kReceiveBytes = std::size_t{16} << 10;
/// Room made at once for a message that announces more than it has sent yet.
constexpr std::size_t kReceiveBytesMax = std::size_t{1} << 20;
/// Nesting of a reply; more than any daemon lets in.
constexpr std::size_t kReplyDepthMax = 4096;

Failure closed(int system_error) {
  const auto reason = system_error == 0 ? std::string("it ended the connection")
                                        : std::generic_category().message(system_error);
  return {Failure::Kind::kClosed, "the daemon went away: " + reason, system_error};
}

Failure broken(std::string text) { return {Failure::Kind::kBroken, std::move(text)}; }

Failure timed_out() { return {Failure::Kind::kTimedOut, "the daemon did not answer in time"}; }

Failure forked() {
  return {Failure::Kind::kForked, "this connection belongs to the parent process", 0, true};
}

ServerError error_of(protocol::Bytes error) {
  protocol::Cursor cursor(error);
  const auto text = cursor.read_string();
  return ServerError::from_wire(text ? *text : protocol::described(error));
}

bool is_nil(protocol::Bytes object) { return protocol::Cursor(object).peek() == protocol::Type::kNil; }

}  // namespace

struct Connection::Exchange {
  std::string_view unsent;
  std::span<const std::uint64_t> ids;
  std::span<std::optional<Answer>> answers;
  std::size_t missing;
  /// The daemon takes no more requests; it may still have answered.
  std::optional<Failure> end_of_sending = std::nullopt;

  bool is_sending() const { return !unsent.empty() && !end_of_sending; }
  std::optional<Answer>* find(std::uint64_t id) {
    const auto found = std::lower_bound(ids.begin(), ids.end(), id);
    if (found == ids.end() || *found != id) return nullptr;
    return &answers[static_cast<std::size_t>(found - ids.begin())];
  }
};

Connection::Connection(Socket socket, std::size_t reply_bytes_max)
    : socket_(std::move(socket)),
      owner_(process_id()),
      scanner_(protocol::FrameLimits{.frame_bytes_max = reply_bytes_max, .depth_max = kReplyDepthMax}) {}

bool Connection::is_inherited() const { return process_id() != owner_; }

std::optional<Failure> Connection::exchange(std::string_view frames, std::span<const std::uint64_t> ids,
                                            std::span<std::optional<Answer>> answers, Deadline deadline) {
  if (is_inherited()) return forked();
  Exchange exchange{frames, ids, answers, ids.size()};
  while (exchange.missing > 0) {
    send_some(exchange);
    if (!socket_.wait(exchange.is_sending() ? WaitFor::kInputOrRoom : WaitFor::kInput, deadline)) {
      auto failure = timed_out();
      failure.nothing_sent = exchange.unsent.size() == frames.size();
      return failure;
    }
    auto end = receive_some();
    if (auto failure = take_messages(exchange)) return failure;
    if (end && exchange.missing > 0) {
      if (exchange.end_of_sending) end = exchange.end_of_sending;
      end->nothing_sent = exchange.unsent.size() == frames.size();
      return end;
    }
  }
  return std::nullopt;
}

bool Connection::send_now(std::string_view frame) {
  if (is_inherited()) return false;
  const auto outcome = socket_.send(frame);
  const auto* sent = std::get_if<Transferred>(&outcome);
  return sent && sent->bytes == frame.size();
}

Notified Connection::next_notification(Deadline deadline) {
  if (is_inherited()) return forked();
  Exchange none{{}, {}, {}, 0};
  std::optional<Failure> end;
  for (;;) {
    if (auto failure = take_messages(none)) return *failure;
    if (!notifications_.empty()) break;
    if (end) return *end;
    if (!socket_.wait(WaitFor::kInput, deadline)) return timed_out();
    end = receive_some();
  }
  std::string oldest = std::move(notifications_.front());
  notifications_.pop_front();
  return oldest;
}

bool Connection::lost_notifications() { return std::exchange(lost_notifications_, false); }

// Sends what the socket takes at the moment. That the daemon takes no more is no failure yet: its last words
// may wait.
void Connection::send_some(Exchange& exchange) {
  while (exchange.is_sending()) {
    const auto outcome = socket_.send(exchange.unsent);
    if (const auto* ended = std::get_if<Ended>(&outcome)) {
      exchange.end_of_sending = closed(ended->system_error);
      break;
    }
    const std::size_t sent = std::get<Transferred>(outcome).bytes;
    if (sent == 0) break;
    exchange.unsent.remove_prefix(sent);
  }
}

// kClosed if the daemon has ended the connection.
std::optional<Failure> Connection::receive_some() {
  const auto room = input_.prepare(std::clamp(bytes_wanted_, kReceiveBytes, kReceiveBytesMax));
  const auto outcome = socket_.receive(room.data(), room.size());
  if (const auto* ended = std::get_if<Ended>(&outcome)) return closed(ended->system_error);
  input_.commit(std::get<Transferred>(outcome).bytes);
  return std::nullopt;
}

std::optional<Failure> Connection::take_messages(Exchange& exchange) {
  while (!input_.unused().empty()) {
    const auto outcome = scanner_.scan(input_.unused());
    if (const auto* error = std::get_if<protocol::Error>(&outcome)) {
      return broken("the daemon sent what is no message: " + error->text);
    }
    if (const auto* more = std::get_if<protocol::NeedMore>(&outcome)) {
      bytes_wanted_ = more->bytes_min - std::min(more->bytes_min, input_.unused().size());
      return std::nullopt;
    }
    const std::size_t size = std::get<protocol::FrameEnd>(outcome).size;
    auto failure = take_message(input_.unused().substr(0, size), exchange);
    input_.consume(size);
    if (failure) return failure;
  }
  bytes_wanted_ = 0;
  return std::nullopt;
}

std::optional<Failure> Connection::take_message(std::string_view frame, Exchange& exchange) {
  const auto message = protocol::read_message(frame, protocol::Sender::kServer);
  if (const auto* notification = std::get_if<protocol::Notification>(&message)) {
    keep_notification(notification->params);
    return std::nullopt;
  }
  const auto* response = std::get_if<protocol::Response>(&message);
  if (!response) return broken("the daemon sent neither a reply nor a notification");

  if (is_nil(response->id.encoded())) {
    // The daemon could not tell which request it is about, and closes: it concerns all that are not answered.
    for (auto& answer : exchange.answers) {
      if (!answer) answer = error_of(response->error);
    }
    exchange.missing = 0;
    return broken("the daemon closed the connection: " + std::string(error_of(response->error).what()));
  }
  const auto id = protocol::Cursor(response->id.encoded()).read_unsigned();
  auto* answer = id ? exchange.find(*id) : nullptr;
  if (!answer || *answer) return broken("the daemon answered a request that was not sent");
  if (is_nil(response->error)) {
    *answer = std::string(response->result);
  } else {
    *answer = error_of(response->error);
  }
  --exchange.missing;
  return std::nullopt;
}

void Connection::keep_notification(std::string_view params) {
  if (!keeps_notifications_) return;
  if (notifications_.size() == kNotificationsMax) {
    notifications_.clear();
    lost_notifications_ = true;
  }
  notifications_.emplace_back(params);
}

}  // namespace pannier::detail
