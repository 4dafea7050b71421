// SocketFile: the daemon's listening socket as a file: taken over from a daemon that died, refused while one
// lives, with the mode and group that the operator wants, and gone after a clean stop.
//
// Beside the socket PATH stands PATH.lock, locked (flock) as long as the daemon runs, so that of two daemons
// that start at once one is refused. Whether somebody else answers at PATH is asked by connecting to it. Only
// a socket that nobody listens on is ever removed. Owner: main.
//
// A service manager that listens already passes its socket instead: then the file, its mode and its group are
// the manager's, connections wait there while no daemon runs, and nothing is locked, made or removed here.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "daemon/owned_fd.h"

namespace pannier::daemon {

/// The longest path that a Unix socket can have: sockaddr_un's 108 bytes less the final zero.
inline constexpr std::size_t kSocketPathBytesMax = 107;

/// Why there is no socket, with the path and what to do about it.
struct SocketFault {
  std::string text;
};

class SocketFile {
 public:
  /// What the service manager passes its socket as.
  static constexpr std::string_view kPassedName = "pannier-socket";

  /// Binds a stream socket to `path`. `group`: a name or a number; empty: the one of the process. A fault if
  /// a daemon lives there, if something that is no socket is in the way, or if the path, mode or group cannot
  /// be had; then all is as it was. Changes the umask for a moment: call it before there are threads.
  static std::variant<SocketFile, SocketFault> take(const std::string& path, mode_t mode,
                                                    const std::string& group);

  /// The one that the service manager has passed. A fault if it is no stream socket that listens at `path`.
  static std::variant<SocketFile, SocketFault> adopt(OwnedFd passed, const std::string& path);

  SocketFile(SocketFile&& other) noexcept = default;
  SocketFile& operator=(SocketFile&&) = delete;
  /// Removes the socket and its lock file, unless another file stands there by now, or the socket was passed.
  ~SocketFile();

  const std::string& path() const { return path_; }
  /// The bound socket, to be listened on; the caller's from now on. Call it once.
  int release_socket() { return socket_.release(); }

 private:
  /// A file as the file system knows it.
  struct Identity {
    dev_t device;
    ino_t inode;
    bool operator==(const Identity&) const = default;
  };

  /// Not bound yet. Without a lock the files are not its own.
  SocketFile(std::string path, OwnedFd lock);
  static std::optional<Identity> identity_at(const std::string& path);

  std::string path_;
  OwnedFd lock_;
  OwnedFd socket_;
  std::optional<Identity> identity_;
};

}  // namespace pannier::daemon
