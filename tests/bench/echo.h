// Echo: the floor under every server: a process with an epoll loop that counts bytes. For each request of a
// fixed size it sends a prepared reply of a fixed size, without looking at what came: one read, one write.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "client/load/dialect.h"
#include "tests/client/temporary_directory.h"

namespace pannier::bench {

class Echo {
 public:
  /// Throws std::runtime_error if it cannot be started.
  Echo(std::size_t request_bytes, std::size_t reply_bytes, std::optional<int> processor);
  ~Echo();
  Echo(const Echo&) = delete;
  Echo& operator=(const Echo&) = delete;

  const std::string& socket_path() const { return socket_path_; }
  pid_t pid() const { return pid_; }

 private:
  test::TemporaryDirectory directory_;
  std::string socket_path_;
  pid_t pid_;
};

/// Its requests and replies are as long as those of another dialect, and say nothing.
class EchoDialect final : public load::Dialect {
 public:
  EchoDialect(const load::Entries& entries, std::size_t request_bytes, std::size_t reply_bytes);

  void append_request(std::string& out, const load::Asked& asked) const override;
  std::size_t reply_bytes(std::string_view in, const load::Asked& asked) const override;
  void append_reply(std::string& out, const load::Asked& asked) const override;

 private:
  std::size_t request_bytes_;
  std::size_t reply_bytes_;
};

}  // namespace pannier::bench
