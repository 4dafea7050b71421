// Socket: a blocking connection to a Unix socket, as plain as measuring needs it.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "daemon/owned_fd.h"

namespace pannier::bench {

class Socket {
 public:
  /// Connects. Throws std::runtime_error if that fails.
  explicit Socket(const std::string& path);

  /// Nothing if nobody accepts there (yet).
  static bool is_served(const std::string& path);

  /// To wait for it together with others.
  int fd() const { return fd_.get(); }
  void send(std::string_view bytes);
  /// Waits for bytes and appends them. Throws std::runtime_error at the end of the connection.
  void receive(std::string& into);

 private:
  daemon::OwnedFd fd_;
  std::unique_ptr<char[]> space_;  // to receive into
};

/// Accepts connections at the path. Throws std::runtime_error if that cannot be.
daemon::OwnedFd listening(const std::string& path);

}  // namespace pannier::bench
