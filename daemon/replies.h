// Replies sends responses: to the connection a request came on, if it is still there, and tells of
// each to be seen. A notification's address swallows what is sent to it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "daemon/address.h"
#include "daemon/config.h"
#include "daemon/dispatcher.h"
#include "daemon/sight.h"
#include "protocol/error.h"
#include "protocol/message.h"
#include "protocol/writer.h"
#include "storage/entry.h"

namespace pannier::daemon {

class Replies {
 public:
  static constexpr std::uint64_t kCopiedBytesMax = std::uint64_t{32} << 10;

  /// All must outlive it. `limits`: of a reply (max_reply), of what a client leaves unread (max_unsent), of
  /// all buffers.
  Replies(Outbox& outbox, const ClientLimits& limits, Sight& sight);

  /// `write` is called with a protocol::Writer to append exactly one object, the result.
  template <class Write>
  void result(const Address& to, Write write) {
    std::string* output = start(to);
    if (output == nullptr) return;
    const std::size_t before = output->size();
    protocol::Writer writer(*output);
    writer.response_start(to.id);
    const std::size_t result_start = output->size();
    write(writer);
    finish(to, *output, before, output->size() - result_start);
  }
  /// The output to append to; null if nothing is to be sent. Answers `overloaded` itself if so much is unsent
  /// already that late replies (leases, loads) would pile up without bound.
  std::string* start(const Address& to);
  /// A response was appended behind the first `before` bytes of the output, its result the last
  /// `result_bytes`: it stays if the limits allow it, else an error takes its place.
  void finish(const Address& to, std::string& output, std::size_t before, std::size_t result_bytes) {
    if (result_bytes > limits_.reply_bytes_max) return refuse_large(to, output, before, result_bytes);
    if (result_bytes > kSmallBytes && result_bytes > room_bytes()) return refuse_full(to, output, before);
    sight_.answered(to, {result_bytes, output[output.size() - result_bytes] == kNil, {}});
  }
  /// A response that was written whole elsewhere, with a result within max_reply. It is not copied unless
  /// something else is unsent.
  void whole(const Address& to, std::string&& response);
  /// [value], without copying what the kernel takes of it at once: for a value of more than kCopiedBytesMax,
  /// up to which copying is faster.
  void large_value(const Address& to, const storage::BytesView& value);
  void error(const Address& to, const protocol::Error& error);

  void boolean(const Address& to, bool value) {
    result(to, [&](protocol::Writer& writer) { writer.boolean(value); });
  }
  void number(const Address& to, std::uint64_t value) {
    result(to, [&](protocol::Writer& writer) { writer.unsigned_integer(value); });
  }
  void nil(const Address& to) {
    result(to, [](protocol::Writer& writer) { writer.nil(); });
  }

 private:
  static constexpr char kNil = '\xc0';
  /// Replies of this size are sent even when all buffers are full: what a client leaves unread bounds them.
  static constexpr std::size_t kSmallBytes = std::size_t{64} << 10;

  /// What the buffers of all connections may still take, what is being written now not counted.
  std::uint64_t room_bytes() const;
  void refuse_large(const Address& to, std::string& output, std::size_t before, std::size_t bytes);
  void refuse_full(const Address& to, std::string& output, std::size_t before);

  Outbox& outbox_;
  const ClientLimits& limits_;
  Sight& sight_;
  // Of large_value(), empty but for it; their memory is kept.
  std::string head_;
  std::vector<protocol::Bytes> parts_;
};

}  // namespace pannier::daemon
