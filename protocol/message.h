// What a frame says: a MessagePack-RPC request, notification or response, taken apart but with its parameters
// left as the bytes they came in. All views point into the frame.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <variant>

#include "protocol/bytes.h"
#include "protocol/cursor.h"
#include "protocol/error.h"

namespace pannier::protocol {

/// A msgid as it was encoded by its sender, so that it is echoed unchanged whatever integer it is. Nil when
/// unknown.
class MessageId {
 public:
  /// Nil: for an error about a message whose id could not be read.
  MessageId() : size_(1), bytes_{'\xc0'} {}
  /// `encoded`: one MessagePack integer, 1 to 9 bytes.
  static MessageId from_encoded(Bytes encoded);
  static MessageId from_integer(std::uint64_t integer);

  Bytes encoded() const { return {bytes_.data(), size_}; }
  friend bool operator==(const MessageId& left, const MessageId& right) {
    return left.encoded() == right.encoded();
  }

 private:
  std::uint8_t size_;
  std::array<char, 9> bytes_;
};

struct Request {
  MessageId id;
  Bytes method;
  Bytes params;  ///< the params array whole, its header included
};
struct Notification {
  Bytes method;
  Bytes params;
};
struct Response {
  MessageId id;  ///< nil only from a server, about a message whose msgid it could not read
  Bytes error;   ///< one object
  Bytes result;  ///< one object
};
/// A request with an integer msgid whose method or params are of the wrong type: answered, and the connection
/// goes on.
struct BadRequest {
  MessageId id;
  Error error;
};
/// A notification of that kind: to be ignored.
struct Ignored {};
/// No MessagePack-RPC message: one error reply with the id that could be read, then the connection closes.
struct NotAMessage {
  MessageId id;
  Error error;
};
using Message = std::variant<Request, Notification, Response, BadRequest, Ignored, NotAMessage>;

/// Who sent a message: the one difference is that only a server may answer with a nil msgid.
enum class Sender : std::uint8_t { kClient, kServer };

/// `frame`: one whole MessagePack object that FrameScanner has passed.
Message read_message(Bytes frame, Sender sender = Sender::kClient);

/// The msgid of a message that is incomplete or was refused: its second item, where that can be read from its
/// first bytes, is an integer, and the message is no notification. Nil otherwise.
MessageId id_of_refused(Bytes start);

}  // namespace pannier::protocol
