// Rpc: one connection to pannierd whose requests are written by hand and whose results are looked at.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "protocol/scanner.h"
#include "tests/bench/peers.h"
#include "tests/bench/socket.h"

namespace pannier::bench {

class Rpc {
 public:
  explicit Rpc(const Server& server) : socket_(server.socket_path()) {}

  void send(std::string_view requests) { socket_.send(requests); }
  /// The next result, one object; nothing if it was an error, which is `refusal` then.
  bool receive(std::string& result);
  /// One request and its result. Throws std::runtime_error if that is an error.
  std::string ask(std::string_view method, std::string_view params);
  const std::string& refusal() const { return refusal_; }

 private:
  Socket socket_;
  protocol::FrameScanner scanner_{protocol::FrameLimits{}};
  std::string input_;
  std::string refusal_;
};

/// Everything in the tier durable is on disk when it returns.
void sync_durable(const Server& server);

}  // namespace pannier::bench
