// Receiver: messages out of the bytes that a connection brings. It does no waiting, and knows nothing of
// which requests were sent.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "client/read_buffer.h"
#include "client/socket.h"
#include "pannier/error.h"
#include "protocol/scanner.h"

namespace pannier::detail {

/// What the daemon answered: the result, one MessagePack object, or an error.
using Answer = std::variant<std::string, ServerError>;

/// Whether it may be the last one of its connection: what is no message, or too large for one, is answered
/// so. The same words answer requests after which it goes on, and which of both it was shows too late for the
/// next request.
bool may_end_connection(const Answer& answer);

/// Why there is no answer.
struct Failure {
  enum class Kind { kClosed, kTimedOut, kBroken, kForked };
  Kind kind;
  std::string text;
  int system_error = 0;
  /// Not one byte of what was to be sent had been accepted.
  bool nothing_sent = false;
};

/// The daemon ended the connection; `system_error`: the errno, 0 at its orderly end.
Failure closed_failure(int system_error);
/// The same, if that is what came of receiving.
std::optional<Failure> end_of(const TransferOutcome& outcome);
Failure broken_failure(std::string text);

/// No message is whole.
struct NothingYet {};
struct Answered {
  std::uint64_t id;
  Answer answer;
};
/// The daemon could not tell which request it is about, and closes the connection: it concerns all that are
/// not answered.
struct Refused {
  ServerError error;
};
/// `params` lasts until the next call of the receiver.
struct Notice {
  std::string_view params;
};
/// A Failure is kBroken, and final.
using Arrived = std::variant<NothingYet, Answered, Refused, Notice, Failure>;

class Receiver {
 public:
  explicit Receiver(std::size_t reply_bytes_max);

  /// Takes what has come, once.
  TransferOutcome receive_some(Socket& socket);
  /// The next whole message of what has come.
  Arrived next();
  /// No bytes are waiting.
  bool is_quiet() const { return input_.unused().size() == taken_; }

 private:
  ReadBuffer input_;
  protocol::FrameScanner scanner_;
  std::size_t bytes_wanted_ = 0;
  /// Of the message before, which is still in the input.
  std::size_t taken_ = 0;
};

}  // namespace pannier::detail
