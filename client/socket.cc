#include "client/socket.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

#include "pannier/error.h"

namespace pannier::detail {

namespace {

[[noreturn]] void throw_cannot_connect(const std::string& path, int system_error) {
  throw ConnectionError("cannot connect to " + path + ": " + std::generic_category().message(system_error),
                        system_error, false);
}

sockaddr_un address_of(const std::string& path) {
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path)) throw_cannot_connect(path, ENAMETOOLONG);
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

// A Unix socket's connect() waits only while the listener's backlog is full, and only this option ends that
// wait.
void limit_connect(int fd, std::chrono::milliseconds wait) {
  using std::chrono::duration_cast, std::chrono::seconds, std::chrono::microseconds;
  const auto whole = duration_cast<seconds>(wait);
  timeval limit = {};
  limit.tv_sec = whole.count();
  limit.tv_usec = duration_cast<microseconds>(wait - whole).count();
  ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
}

TransferOutcome outcome_of(ssize_t transferred) {
  if (transferred > 0) return Transferred{static_cast<std::size_t>(transferred)};
  if (transferred == 0) return Ended{0};
  if (errno == EAGAIN || errno == EINTR) return Transferred{0};
  return Ended{errno};
}

/// Bytes, or the end.
bool has_come(const TransferOutcome& outcome) {
  const auto* transferred = std::get_if<Transferred>(&outcome);
  return !transferred || transferred->bytes > 0;
}

}  // namespace

Socket Socket::connect(const std::string& path, Deadline deadline) {
  const sockaddr_un address = address_of(path);
  Socket socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (socket.fd_ < 0) throw_cannot_connect(path, errno);
  for (;;) {
    // 1 ms at least: 0 would mean no limit.
    limit_connect(socket.fd_, std::max(time_left(deadline), std::chrono::milliseconds(1)));
    if (::connect(socket.fd_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0) break;
    if (errno == EAGAIN || (errno == EINTR && Clock::now() >= deadline)) {
      throw TimeoutError("cannot connect to " + path + ": too many others wait for the daemon", false);
    }
    if (errno != EINTR) throw_cannot_connect(path, errno);
  }
  ::fcntl(socket.fd_, F_SETFL, O_NONBLOCK);
  return socket;
}

std::optional<Socket> Socket::connect_now(const std::string& path) {
  const sockaddr_un address = address_of(path);
  Socket socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (socket.fd_ < 0) throw_cannot_connect(path, errno);
  if (::connect(socket.fd_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0) return socket;
  if (errno == EAGAIN) return std::nullopt;
  throw_cannot_connect(path, errno);
}

Socket::Socket(Socket&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), on_signal_(other.on_signal_), spin_(other.spin_) {}

Socket::~Socket() {
  if (fd_ >= 0) ::close(fd_);
}

TransferOutcome Socket::send(std::string_view bytes) {
  return outcome_of(::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL));
}

TransferOutcome Socket::receive(char* buffer, std::size_t size) {
  const auto outcome = std::exchange(is_spinning_, false) ? receive_spinning(buffer, size)
                                                          : outcome_of(::recv(fd_, buffer, size, 0));
  if (waits_since_ && has_come(outcome))
    spin_.ended(Clock::now() - *std::exchange(waits_since_, std::nullopt));
  return outcome;
}

std::optional<std::vector<int>> Socket::peek_descriptors() {
  constexpr std::size_t kDescriptorsMax = 8;
  char byte = 0;
  iovec part{&byte, 1};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(kDescriptorsMax * sizeof(int))> control{};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  // A receive() without room for them drops those that a peek has copied.
  const ssize_t got = ::recvmsg(fd_, &message, MSG_PEEK | MSG_CMSG_CLOEXEC);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return std::nullopt;
  std::vector<int> descriptors;
  if (got <= 0) return descriptors;
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr; header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    const std::size_t before = descriptors.size();
    descriptors.resize(before + count);
    std::memcpy(descriptors.data() + before, CMSG_DATA(header), count * sizeof(int));
  }
  return descriptors;
}

bool Socket::wait(WaitFor what, Deadline deadline) {
  if (what == WaitFor::kInput && !spin_.is_off() && !waits_since_) {
    waits_since_ = Clock::now();
    is_spinning_ = spin_.spins();
    if (is_spinning_) return true;
  }
  pollfd entry = {fd_, static_cast<short>(what == WaitFor::kInput ? POLLIN : POLLIN | POLLOUT), 0};
  for (;;) {
    const auto left = time_left(deadline);
    // A poll() takes an int of milliseconds; a longer wait takes several.
    const auto slice = std::min<std::chrono::milliseconds>(left, std::chrono::hours(1));
    const int ready = ::poll(&entry, 1, static_cast<int>(slice.count()));
    if (ready > 0) return true;
    if (ready < 0 && errno == EINTR && on_signal_) (*on_signal_)();
    if (ready <= 0 && Clock::now() >= deadline) return false;
  }
}

TransferOutcome Socket::receive_spinning(char* buffer, std::size_t size) {
  const Deadline end = Clock::now() + spin_.time();
  for (;;) {
    const auto outcome = outcome_of(::recv(fd_, buffer, size, 0));
    if (has_come(outcome) || Clock::now() >= end) return outcome;
  }
}

}  // namespace pannier::detail
