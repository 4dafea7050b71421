// Replies sends responses: to the connection a request came on, if it is still there. A notification's
// address swallows what is sent to it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "daemon/dispatcher.h"
#include "protocol/error.h"
#include "protocol/message.h"
#include "protocol/writer.h"

namespace pannier::daemon {

/// Where the response to a request goes.
struct Address {
  ConnectionId connection = 0;
  protocol::MessageId id;
  bool is_notification = false;
};

class Replies {
 public:
  /// `reply_bytes_max`: a larger result is answered as too_large.
  Replies(Outbox& outbox, std::uint64_t reply_bytes_max, std::uint64_t unsent_bytes_max);

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
    if (output->size() - result_start > reply_bytes_max_) refuse_large(to, *output, before, result_start);
  }
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
  /// The output to append to; null if nothing is to be sent. Answers `overloaded` itself if so much is unsent
  /// already that late replies (leases, loads) would pile up without bound.
  std::string* start(const Address& to);
  void refuse_large(const Address& to, std::string& output, std::size_t before, std::size_t result_start);

  Outbox& outbox_;
  std::uint64_t reply_bytes_max_;
  std::uint64_t unsent_bytes_max_;
};

}  // namespace pannier::daemon
