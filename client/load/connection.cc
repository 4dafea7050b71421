#include "client/load/connection.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <system_error>

#include "client/load/dialect.h"

namespace pannier::load {
namespace {

NoConnection system_fault(const std::string& what) {
  return NoConnection(what + ": " + std::generic_category().message(errno));
}

int connected(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) throw Fault("too long for a socket: " + path);
  std::memcpy(address.sun_path, path.data(), path.size());
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) throw system_fault("cannot make a socket");
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return fd;
  const int error = errno;
  ::close(fd);
  errno = error;
  throw system_fault("cannot connect to " + path);
}

bool is_for_later() { return errno == EAGAIN || errno == EINTR; }

}  // namespace

Connection::Connection(const std::string& socket_path) : fd_(connected(socket_path)) {}

Connection::~Connection() { ::close(fd_); }

std::size_t Connection::send(std::string_view bytes) const {
  const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  if (sent >= 0) return static_cast<std::size_t>(sent);
  if (is_for_later()) return 0;
  throw system_fault("cannot send");
}

std::string_view Connection::receive(std::span<char> room) const {
  ssize_t got = 0;
  // Tried again at once: epoll tells of what is there only once.
  do {
    got = ::recv(fd_, room.data(), room.size(), MSG_DONTWAIT);
  } while (got < 0 && errno == EINTR);
  if (got > 0) return {room.data(), static_cast<std::size_t>(got)};
  if (got == 0) throw NoConnection("the server has closed the connection");
  if (is_for_later()) return {};
  throw system_fault("cannot read");
}

}  // namespace pannier::load
