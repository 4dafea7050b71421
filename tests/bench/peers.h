// Server: a pannierd, a redis-server or a memcached of the benchmark's own, on a Unix socket in a directory
// of its own. It ends with the object, or with the benchmark if that is killed.
#pragma once

#include <sys/types.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tests/client/temporary_directory.h"

namespace pannier::bench {

enum class Peer : std::uint8_t { kPannier, kRedis, kMemcached };
inline constexpr std::array kPeers{Peer::kPannier, Peer::kRedis, Peer::kMemcached};

std::string_view peer_name(Peer peer);
/// All of them, or those that are named. Throws std::runtime_error on a name that is none.
std::vector<Peer> peers_named(const std::vector<std::string>& names);

/// Of a pannierd: this one, or the one that was built if it is empty.
std::string pannierd_path(const std::string& program);

struct ServerOptions {
  std::uint64_t memory_bytes = std::uint64_t{1} << 30;  ///< its limit
  std::optional<int> processor{};                       ///< runs on this one alone
  bool is_urgent = false;                               ///< goes before other programs, where that is allowed
  std::string program{};                                ///< instead of the pannierd that was built
  std::vector<std::string> arguments{};                 ///< more for its command line
};

class Server {
 public:
  /// Starts it and waits until it accepts connections. Throws std::runtime_error, with its log, if it does
  /// not.
  explicit Server(Peer peer, ServerOptions options = {});
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  Peer peer() const { return peer_; }
  const std::string& socket_path() const { return socket_path_; }
  pid_t pid() const { return pid_; }

  /// Starts it again after end(), without waiting.
  void spawn();
  /// Until it accepts connections, looked at so often. Throws std::runtime_error, with its log, if it ends
  /// instead.
  void wait_until_served(std::chrono::microseconds pause);
  /// Sends the signal and waits for the end.
  void end(int signal);
  /// All that it has written to standard output and standard error since its last spawn.
  std::string log() const;

  /// VmRSS, shared memory included.
  std::uint64_t resident_bytes() const;
  /// The same once it has not changed for a second, or after ten of them.
  std::uint64_t resident_bytes_at_rest() const;
  /// The largest VmRSS since forget_resident_peak(), as the kernel keeps it.
  std::uint64_t resident_bytes_peak() const;
  void forget_resident_peak() const;

 private:
  std::vector<std::string> command() const;
  std::uint64_t status_bytes(std::string_view field) const;

  Peer peer_;
  ServerOptions options_;
  test::TemporaryDirectory directory_;
  std::string socket_path_;
  pid_t pid_ = 0;
};

}  // namespace pannier::bench
