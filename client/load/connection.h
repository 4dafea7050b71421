// Connection of a load: a Unix socket that is connected to a server.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace pannier::load {

class Connection {
 public:
  /// Connects. Throws NoConnection if that fails.
  explicit Connection(const std::string& socket_path);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  int fd() const { return fd_; }
  /// How many of these the socket takes now. Throws NoConnection.
  std::size_t send(std::string_view bytes) const;
  /// Reads what is there, as far as there is room; empty if nothing is. Throws NoConnection, at the end of
  /// the connection too.
  std::string_view receive(std::span<char> room) const;

 private:
  int fd_;
};

}  // namespace pannier::load
