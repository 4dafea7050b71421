#include "client/load/connection.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <system_error>

namespace pannier::load {
namespace {

/// One of so many replies is compared with the expected one byte by byte.
constexpr std::uint32_t kCompareOneOf = 64;

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

}  // namespace

std::int64_t now_ns() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * std::int64_t{1'000'000'000} + now.tv_nsec;
}

Connection::Connection(const std::string& socket_path, const Dialect& dialect, const Tape& tape,
                       std::uint32_t depth, std::uint32_t number)
    : dialect_(dialect),
      tape_(tape),
      fd_(connected(socket_path)),
      batches_(std::bit_ceil(std::size_t{depth})),
      replies_(number) {}

Connection::~Connection() { ::close(fd_); }

void Connection::ask(Slice slice, std::int64_t now_ns) {
  batches_[last_++ & (batches_.size() - 1)] = {slice, now_ns};
  outstanding_ += slice.count;
  std::string_view bytes = tape_.bytes(slice);
  if (unsent_.empty()) bytes.remove_prefix(send(bytes));
  if (!bytes.empty()) unsent_.push_back(bytes);
}

void Connection::flush() {
  while (!unsent_.empty()) {
    auto& bytes = unsent_.front();
    bytes.remove_prefix(send(bytes));
    if (!bytes.empty()) return;
    unsent_.erase(unsent_.begin());
  }
}

Connection::Received Connection::receive(Input& input, protocol::Histogram& latencies) {
  char* const bytes = input.room_behind(kept_.size());
  std::memcpy(bytes, kept_.data(), kept_.size());
  const ssize_t got = ::recv(fd_, bytes + kept_.size(), Input::kReadBytes, MSG_DONTWAIT);
  const std::int64_t now = now_ns();
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return {0, now, errno == EINTR};
  if (got < 0) throw system_fault("cannot read");
  if (got == 0) throw NoConnection("the server has closed the connection");
  const std::string_view in(bytes, kept_.size() + static_cast<std::size_t>(got));
  return {take(in, now, latencies), now, got == static_cast<ssize_t>(Input::kReadBytes)};
}

std::uint32_t Connection::take(std::string_view in, std::int64_t now_ns, protocol::Histogram& latencies) {
  const std::uint32_t before = outstanding_;
  while (!in.empty()) {
    if (outstanding_ == 0) throw Fault("more than was asked for: " + std::string(wrong_reply(in).what()));
    const std::size_t bytes = take_one(in);
    if (bytes == 0) break;
    in.remove_prefix(bytes);
    if (owed_bytes_ > 0) break;
    Batch& batch = batches_[first_ & (batches_.size() - 1)];
    latencies.add(static_cast<std::uint64_t>(now_ns - batch.sent_ns));
    ++batch.slice.first;
    if (--batch.slice.count == 0) ++first_;
    --outstanding_;
    ++replies_;
  }
  kept_.assign(in);
  return before - outstanding_;
}

std::size_t Connection::take_one(std::string_view in) {
  if (owed_bytes_ > 0) {
    const std::size_t bytes = std::min(owed_bytes_, in.size());
    owed_bytes_ -= bytes;
    return bytes;
  }
  const Asked asked = tape_.asked(batches_[first_ & (batches_.size() - 1)].slice.first);
  const std::size_t bytes = dialect_.reply_bytes(in, asked);
  if (bytes == 0) return 0;
  const bool is_compared = replies_ % kCompareOneOf == 0;
  if (bytes > in.size()) {
    if (is_compared) return 0;
    owed_bytes_ = bytes - in.size();
    return in.size();
  }
  if (is_compared) compare(in.substr(0, bytes), asked);
  return bytes;
}

void Connection::compare(std::string_view reply, const Asked& asked) const {
  std::string expected;
  dialect_.append_reply(expected, asked);
  if (!expected.empty() && expected != reply) throw wrong_reply(reply);
}

std::size_t Connection::send(std::string_view bytes) const {
  const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  if (sent >= 0) return static_cast<std::size_t>(sent);
  if (errno == EAGAIN || errno == EINTR) return 0;
  throw system_fault("cannot send");
}

}  // namespace pannier::load
