#include "daemon/socket_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <utility>

#include "daemon/account.h"
#include "daemon/reason.h"

namespace pannier::daemon {
namespace {

/// A lock file that another starter removed while it was being opened is tried again so often.
constexpr int kLockTriesMax = 100;
constexpr std::string_view kOtherPath = "choose another path with --socket";

std::string lock_path_of(const std::string& path) { return path + ".lock"; }

std::string directory_of(const std::string& path) {
  const std::string directory = std::filesystem::path(path).parent_path().string();
  return directory.empty() ? "." : directory;
}

sockaddr_un address_of(const std::string& path) {
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

std::optional<SocketFault> fault_of_path(const std::string& path) {
  if (path.empty()) return SocketFault{"the socket has an empty path: " + std::string(kOtherPath)};
  if (path.size() <= kSocketPathBytesMax) return std::nullopt;
  return SocketFault{"the path of the socket has " + std::to_string(path.size()) +
                     " bytes, and a Unix socket's at most " + std::to_string(kSocketPathBytesMax) + ": " +
                     path};
}

/// Of the file that the lock is opened in: the directory is at fault.
SocketFault fault_of_opening(const std::string& path, int code) {
  const std::string directory = directory_of(path);
  if (code == ENOENT) {
    return {"there is no directory " + directory + " for the socket " + path + ": create it (mkdir -p " +
            directory + "), or " + std::string(kOtherPath)};
  }
  return {"cannot create files in " + directory + " for the socket " + path + ": " + reason(code) +
          ". The user of this process (uid " + std::to_string(geteuid()) +
          ") needs to write there; give it that right, or " + std::string(kOtherPath)};
}

std::string first_line_of(int fd) {
  std::array<char, 32> buffer;
  const ssize_t size = pread(fd, buffer.data(), buffer.size(), 0);
  const std::string_view text(buffer.data(), size > 0 ? static_cast<std::size_t>(size) : 0);
  return std::string(text.substr(0, text.find('\n')));
}

SocketFault fault_of_lock(const std::string& path, int lock_fd) {
  const std::string holder = first_line_of(lock_fd);
  return {"a daemon is running at " + path + " already (" + lock_path_of(path) + " is locked" +
          (holder.empty() ? "" : " by process " + holder) + "): stop it, or " + std::string(kOtherPath)};
}

bool is_file_at(int fd, const std::string& path) {
  struct stat open_file, named_file;
  return fstat(fd, &open_file) == 0 && lstat(path.c_str(), &named_file) == 0 &&
         open_file.st_dev == named_file.st_dev && open_file.st_ino == named_file.st_ino;
}

/// Best effort: it only helps the one who reads an error text.
void note_process(int lock_fd) {
  const std::string line = std::to_string(getpid()) + "\n";
  [[maybe_unused]] const bool is_noted =
      ftruncate(lock_fd, 0) == 0 && pwrite(lock_fd, line.data(), line.size(), 0) > 0;
}

std::variant<OwnedFd, SocketFault> take_lock(const std::string& path) {
  const std::string lock_path = lock_path_of(path);
  for (int tries = 0; tries < kLockTriesMax; ++tries) {
    OwnedFd lock(open(lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!lock.is_open()) return fault_of_opening(path, errno);
    if (flock(lock.get(), LOCK_EX | LOCK_NB) != 0) return fault_of_lock(path, lock.get());
    // A daemon that stopped may have removed the file between the two calls: then the lock is worth nothing.
    if (!is_file_at(lock.get(), lock_path)) continue;
    note_process(lock.get());
    return lock;
  }
  return SocketFault{lock_path + " keeps being replaced: another process seems to start daemons without end"};
}

/// Tells by connecting whether somebody listens at `path`: nothing if nobody does.
std::optional<SocketFault> fault_of_living(const std::string& path) {
  const OwnedFd probe(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!probe.is_open()) return SocketFault{"cannot create a Unix socket: " + reason(errno)};
  const sockaddr_un address = address_of(path);
  const bool answers = connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  const int code = errno;
  if (answers || code == EAGAIN) {
    return SocketFault{"a daemon answers at " + path + " already: stop it, or " + std::string(kOtherPath)};
  }
  if (code == ECONNREFUSED || code == ENOENT) return std::nullopt;
  return SocketFault{"cannot find out whether a daemon answers at " + path + ": " + reason(code) +
                     ". Remove the file if none does, or " + std::string(kOtherPath)};
}

/// Afterwards nothing is at `path`, or there is a fault.
std::optional<SocketFault> clear_way(const std::string& path) {
  struct stat status;
  if (lstat(path.c_str(), &status) != 0) return std::nullopt;
  if (!S_ISSOCK(status.st_mode)) {
    return SocketFault{path + " is there and is no socket: remove it if nobody needs it, or " +
                       std::string(kOtherPath)};
  }
  if (std::optional<SocketFault> fault = fault_of_living(path)) return fault;
  if (unlink(path.c_str()) == 0 || errno == ENOENT) return std::nullopt;
  return SocketFault{"cannot remove the socket " + path + ", which a daemon left behind: " + reason(errno)};
}

std::variant<OwnedFd, SocketFault> bind_socket(const std::string& path) {
  OwnedFd bound(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!bound.is_open()) return SocketFault{"cannot create a Unix socket: " + reason(errno)};
  const sockaddr_un address = address_of(path);
  // Nobody else may connect before the mode is what it shall be.
  const mode_t former_mask = umask(0177);
  const bool is_bound = bind(bound.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  const int code = errno;
  umask(former_mask);
  if (!is_bound) return SocketFault{"cannot create the socket " + path + ": " + reason(code)};
  return bound;
}

std::string octal(mode_t mode) {
  std::array<char, 16> digits;
  const auto [end, error] = std::to_chars(digits.begin(), digits.end(), mode, 8);
  return "0" + std::string(digits.begin(), end);
}

std::optional<SocketFault> give_group(const std::string& path, const std::string& group) {
  if (group.empty()) return std::nullopt;
  const auto found = group_number(group);
  if (const auto* wrong = std::get_if<std::string>(&found)) {
    return SocketFault{"the socket " + path + " cannot be given to a group: " + *wrong +
                       ". Create it, or name another with --socket-group"};
  }
  const gid_t id = std::get<gid_t>(found);
  if (lchown(path.c_str(), static_cast<uid_t>(-1), id) == 0) return std::nullopt;
  return SocketFault{"cannot give the socket " + path + " to the group " + group + " (gid " +
                     std::to_string(id) + "): " + reason(errno) + ". This process (uid " +
                     std::to_string(geteuid()) + ", gid " + std::to_string(getegid()) +
                     ") must be root or a member of it"};
}

std::optional<SocketFault> give_mode(const std::string& path, mode_t mode) {
  if (chmod(path.c_str(), mode) == 0) return std::nullopt;
  return SocketFault{"cannot give the socket " + path + " the mode " + octal(mode) + ": " + reason(errno)};
}

/// Where a bound Unix socket is found; empty if at no path.
std::string path_of(int fd) {
  sockaddr_un address = {};
  socklen_t size = sizeof address;
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) return {};
  return std::string(address.sun_path, strnlen(address.sun_path, sizeof address.sun_path));
}

}  // namespace

std::variant<SocketFile, SocketFault> SocketFile::take(const std::string& path, mode_t mode,
                                                       const std::string& group) {
  if (std::optional<SocketFault> fault = fault_of_path(path)) return *std::move(fault);
  std::variant<OwnedFd, SocketFault> lock = take_lock(path);
  if (auto* fault = std::get_if<SocketFault>(&lock)) return std::move(*fault);
  // From here on the lock file goes again with whatever fails.
  SocketFile file(path, std::get<OwnedFd>(std::move(lock)));
  if (std::optional<SocketFault> fault = clear_way(path)) return *std::move(fault);
  std::variant<OwnedFd, SocketFault> bound = bind_socket(path);
  if (auto* fault = std::get_if<SocketFault>(&bound)) return std::move(*fault);
  file.socket_ = std::get<OwnedFd>(std::move(bound));
  file.identity_ = identity_at(path);
  if (std::optional<SocketFault> fault = give_group(path, group)) return *std::move(fault);
  if (std::optional<SocketFault> fault = give_mode(path, mode)) return *std::move(fault);
  return file;
}

std::variant<SocketFile, SocketFault> SocketFile::adopt(OwnedFd passed, const std::string& path) {
  const std::string what = "the socket that the service manager passes as " + std::string(kPassedName);
  if (sd_is_socket(passed.get(), AF_UNIX, SOCK_STREAM, 1) <= 0) {
    return SocketFault{what +
                       " is no listening Unix stream socket: its unit has to say ListenStream=" + path};
  }
  const std::string listened = path_of(passed.get());
  const auto identity = identity_at(listened);
  // There may be several ways to one place, such as /var/run and /run.
  if (listened != path && (!identity || identity != identity_at(path))) {
    return SocketFault{what + " is " + (listened.empty() ? "at no path" : listened) +
                       ", and clients are to find the daemon at " + path +
                       ": give ListenStream= of the socket unit and --socket the same path"};
  }
  SocketFile file(path, OwnedFd());
  file.socket_ = std::move(passed);
  return file;
}

SocketFile::SocketFile(std::string path, OwnedFd lock) : path_(std::move(path)), lock_(std::move(lock)) {}

SocketFile::~SocketFile() {
  if (!lock_.is_open()) return;
  if (identity_ && identity_at(path_) == identity_) unlink(path_.c_str());
  if (const std::string lock_path = lock_path_of(path_); is_file_at(lock_.get(), lock_path))
    unlink(lock_path.c_str());
}

std::optional<SocketFile::Identity> SocketFile::identity_at(const std::string& path) {
  struct stat status;
  if (lstat(path.c_str(), &status) != 0) return std::nullopt;
  return Identity{status.st_dev, status.st_ino};
}

}  // namespace pannier::daemon
