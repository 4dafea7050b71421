// Writer appends MessagePack to a byte buffer, each item in its shortest encoding. It neither owns the buffer
// nor checks that containers get as many items as were announced: its callers are few and tested against
// msgpack-c. Strings of up to 2^32 - 1 bytes can be written.
#pragma once

#include <cstdint>
#include <string>

#include "protocol/bytes.h"
#include "protocol/error.h"
#include "protocol/message.h"

namespace pannier::protocol {

class Writer {
 public:
  /// Appends to `out`, which must outlive the writer.
  explicit Writer(std::string& out) : out_(out) {}

  void nil();
  void boolean(bool value);
  void integer(std::int64_t value);
  void unsigned_integer(std::uint64_t value);
  /// Always of 64 bits, so that no reader has to wonder about precision.
  void real(double value);
  void string(Bytes value);
  void binary(Bytes value);
  /// str where `value` is valid UTF-8, bin otherwise: how the contract answers keys.
  void key(Bytes value);
  /// Headers; `count` items (array) or pairs (map) must follow.
  void array(std::uint32_t count);
  void map(std::uint32_t count);
  /// One encoded object as it is.
  void raw(Bytes object);

  /// [0, id, method, -  the params array must follow.
  void request_start(std::uint64_t id, Bytes method);
  /// [2, method, -  the params array must follow.
  void notification_start(Bytes method);
  /// [1, id, nil, -  the result must follow.
  void response_start(const MessageId& id);
  /// [1, id, "code: text", nil], whole.
  void response_error(const MessageId& id, const Error& error);

 private:
  std::string& out_;
};

}  // namespace pannier::protocol
