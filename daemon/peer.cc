#include "daemon/peer.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

namespace pannier::daemon {

namespace {

/// Nothing is left out: an empty list if the kernel does not say.
std::vector<gid_t> supplementary_groups(int socket) {
  std::vector<gid_t> gids(16);
  while (true) {
    auto bytes = static_cast<socklen_t>(gids.size() * sizeof(gid_t));
    if (getsockopt(socket, SOL_SOCKET, SO_PEERGROUPS, gids.data(), &bytes) == 0) {
      gids.resize(bytes / sizeof(gid_t));
      return gids;
    }
    if (errno != ERANGE) return {};
    gids.resize(bytes / sizeof(gid_t));
  }
}

}  // namespace

PeerProcess peer_of(int socket) {
  ucred credentials{};
  socklen_t bytes = sizeof credentials;
  if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &bytes) != 0) return {};
  PeerProcess process{{credentials.uid, supplementary_groups(socket)}, credentials.pid};
  process.peer.gids.push_back(credentials.gid);
  std::ranges::sort(process.peer.gids);
  return process;
}

}  // namespace pannier::daemon
