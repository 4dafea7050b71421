// Peer: who is at the other end of a connection, as the kernel tells it: user and groups of the process that
// connected, at the moment when it did. They are asked for once, and stay whatever becomes of that process.
#pragma once

#include <sys/types.h>

#include <compare>
#include <vector>

namespace pannier::daemon {

struct Peer {
  /// Of one who cannot be known.
  static constexpr uid_t kNobody = static_cast<uid_t>(-1);

  uid_t uid = kNobody;
  /// The effective group and the supplementary ones; sorted.
  std::vector<gid_t> gids;

  friend auto operator<=>(const Peer&, const Peer&) = default;
};

/// The process that connected. It may have ended since, and others may have its connection.
struct PeerProcess {
  Peer peer;
  pid_t pid = 0;  ///< 0: it cannot be seen from here, as in another namespace of pids
};

/// Of a connected Unix socket. Nobody, without groups, if the kernel does not say.
PeerProcess peer_of(int socket);

}  // namespace pannier::daemon
