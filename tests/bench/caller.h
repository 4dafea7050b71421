// Caller: one connection with one request at a time whose reply is looked at whole, in Pannier's words or in
// Redis'.
#pragma once

#include <string>
#include <string_view>

#include "tests/bench/peers.h"
#include "tests/bench/requests.h"
#include "tests/bench/socket.h"

namespace pannier::bench {

class Caller {
 public:
  explicit Caller(const Server& server)
      : peer_(server.peer()), socket_(server.socket_path()), scanner_(server.peer()) {}

  /// The whole reply, until the next one is asked for. Throws std::runtime_error if that is an error.
  std::string_view ask(std::string_view request);

 private:
  Peer peer_;
  Socket socket_;
  ReplyScanner scanner_;
  std::string input_;
};

}  // namespace pannier::bench
