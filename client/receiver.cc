#include "client/receiver.h"

#include <algorithm>
#include <system_error>
#include <utility>

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

ServerError error_of(protocol::Bytes error) {
  protocol::Cursor cursor(error);
  const auto text = cursor.read_string();
  return ServerError::from_wire(text ? *text : protocol::described(error));
}

bool is_nil(protocol::Bytes object) { return protocol::Cursor(object).peek() == protocol::Type::kNil; }

Arrived arrived_in(std::string_view frame) {
  const auto message = protocol::read_message(frame, protocol::Sender::kServer);
  if (const auto* notification = std::get_if<protocol::Notification>(&message)) {
    return Notice{notification->params};
  }
  const auto* response = std::get_if<protocol::Response>(&message);
  if (!response) return broken_failure("the daemon sent neither a reply nor a notification");
  if (is_nil(response->id.encoded())) return Refused{error_of(response->error)};
  const auto id = protocol::Cursor(response->id.encoded()).read_unsigned();
  if (!id) return broken_failure("the daemon answered a request that was not sent");
  if (is_nil(response->error)) return Answered{*id, std::string(response->result)};
  return Answered{*id, error_of(response->error)};
}

}  // namespace

bool may_end_connection(const Answer& answer) {
  const auto* error = std::get_if<ServerError>(&answer);
  return error && (error->code() == ErrorCode::kBadRequest || error->code() == ErrorCode::kTooLarge);
}

Failure closed_failure(int system_error) {
  const auto reason = system_error == 0 ? std::string("it ended the connection")
                                        : std::generic_category().message(system_error);
  return {Failure::Kind::kClosed, "the daemon went away: " + reason, system_error};
}

std::optional<Failure> end_of(const TransferOutcome& outcome) {
  const auto* ended = std::get_if<Ended>(&outcome);
  return ended ? std::optional(closed_failure(ended->system_error)) : std::nullopt;
}

Failure broken_failure(std::string text) { return {Failure::Kind::kBroken, std::move(text)}; }

Receiver::Receiver(std::size_t reply_bytes_max)
    : scanner_(protocol::FrameLimits{.frame_bytes_max = reply_bytes_max, .depth_max = kReplyDepthMax}) {}

TransferOutcome Receiver::receive_some(Socket& socket) {
  input_.consume(std::exchange(taken_, 0));
  const auto room = input_.prepare(std::clamp(bytes_wanted_, kReceiveBytes, kReceiveBytesMax));
  const auto outcome = socket.receive(room.data(), room.size());
  if (const auto* transferred = std::get_if<Transferred>(&outcome)) input_.commit(transferred->bytes);
  return outcome;
}

Arrived Receiver::next() {
  input_.consume(std::exchange(taken_, 0));
  bytes_wanted_ = 0;
  if (input_.unused().empty()) return NothingYet();
  const auto outcome = scanner_.scan(input_.unused());
  if (const auto* error = std::get_if<protocol::Error>(&outcome)) {
    return broken_failure("the daemon sent what is no message: " + error->text);
  }
  if (const auto* more = std::get_if<protocol::NeedMore>(&outcome)) {
    bytes_wanted_ = more->bytes_min - std::min(more->bytes_min, input_.unused().size());
    return NothingYet();
  }
  taken_ = std::get<protocol::FrameEnd>(outcome).size;
  return arrived_in(input_.unused().substr(0, taken_));
}

}  // namespace pannier::detail
