#include "tests/bench/socket.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>

namespace pannier::bench {
namespace {

constexpr std::size_t kReceiveBytes = 256 * 1024;

sockaddr_un address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) throw std::runtime_error("too long for a socket: " + path);
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

/// Not open if nobody accepts there.
daemon::OwnedFd connected(const std::string& path) {
  const sockaddr_un address = address_of(path);
  daemon::OwnedFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return {};
  return fd;
}

}  // namespace

Socket::Socket(const std::string& path)
    : fd_(connected(path)), space_(std::make_unique_for_overwrite<char[]>(kReceiveBytes)) {
  if (!fd_.is_open()) throw std::runtime_error("cannot connect to " + path + ": " + std::strerror(errno));
}

bool Socket::is_served(const std::string& path) { return connected(path).is_open(); }

void Socket::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) throw std::runtime_error(std::string("cannot send: ") + std::strerror(errno));
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
}

void Socket::receive(std::string& into) {
  ssize_t received = 0;
  do {
    received = ::recv(fd_.get(), space_.get(), kReceiveBytes, 0);
  } while (received < 0 && errno == EINTR);
  if (received < 0) throw std::runtime_error(std::string("cannot receive: ") + std::strerror(errno));
  if (received == 0) throw std::runtime_error("the server has closed the connection");
  into.append(space_.get(), static_cast<std::size_t>(received));
}

daemon::OwnedFd listening(const std::string& path) {
  const sockaddr_un address = address_of(path);
  daemon::OwnedFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(fd.get(), 1024) != 0)
    throw std::runtime_error("cannot listen on " + path);
  return fd;
}

}  // namespace pannier::bench
