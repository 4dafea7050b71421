// Echo: the floor under every server: a process with an epoll loop that counts bytes. Of each request it
// looks at the first byte, which says how long the request is and how long its prepared reply: one read, one
// write.
#pragma once

#include <sys/types.h>

#include <string>

#include "client/load/dialect.h"
#include "tests/client/temporary_directory.h"

namespace pannier::bench {

/// Sizes of a request and its reply.
struct Exchange {
  std::size_t request_bytes;
  std::size_t reply_bytes;
};

/// What is exchanged for a read, of however many keys, and for a put.
struct Exchanges {
  Exchange read;
  Exchange put;
};

class Echo {
 public:
  /// Throws std::runtime_error if it cannot be started.
  Echo(const Exchanges& exchanges, int processor);
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

/// Its requests and replies are as long as those of another dialect, and say nothing else.
class EchoDialect final : public load::Dialect {
 public:
  EchoDialect(const load::Entries& entries, const Exchanges& exchanges)
      : Dialect(entries), exchanges_(exchanges) {}

  void append_request(std::string& out, const load::Asked& asked) const override;
  std::size_t reply_bytes(std::string_view in, const load::Asked& asked) const override;
  void append_reply(std::string& out, const load::Asked& asked) const override;

 private:
  Exchanges exchanges_;
};

}  // namespace pannier::bench
