#include "tests/client/scripted_peer.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <chrono>
#include <cstring>
#include <stdexcept>

#include "protocol/message.h"
#include "protocol/scanner.h"
#include "protocol/writer.h"

namespace pannier::test {

namespace {

int listen_at(const std::string& path) {
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof(address.sun_path) - 1);
  if (::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0 ||
      ::listen(fd, 16) != 0) {
    throw std::runtime_error("cannot listen at " + path);
  }
  return fd;
}

}  // namespace

PeerConnection::~PeerConnection() {
  if (fd_ >= 0) ::close(fd_);
}

std::optional<PeerRequest> PeerConnection::next_request() {
  protocol::FrameScanner scanner(protocol::FrameLimits{});
  for (;;) {
    if (!received_.empty()) {
      const auto outcome = scanner.scan(received_);
      if (const auto* end = std::get_if<protocol::FrameEnd>(&outcome)) {
        const std::string frame = received_.substr(0, end->size);
        received_.erase(0, end->size);
        const auto message = protocol::read_message(frame);
        const auto* request = std::get_if<protocol::Request>(&message);
        if (!request) continue;
        return PeerRequest{std::string(request->id.encoded()), std::string(request->method),
                           std::string(request->params)};
      }
    }
    char buffer[65536];
    const auto size = ::recv(fd_, buffer, sizeof(buffer), 0);
    if (size <= 0) return std::nullopt;
    received_.append(buffer, static_cast<std::size_t>(size));
  }
}

void PeerConnection::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const auto sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0) return;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
}

void PeerConnection::reply(const PeerRequest& request, std::string_view result) {
  send(reply_bytes(request.id, result));
}

void PeerConnection::reply_error(const PeerRequest& request, std::string_view error) {
  send(error_bytes(request.id, error));
}

void PeerConnection::reply_to_all(std::string_view result) {
  while (const auto request = next_request()) reply(*request, result);
}

std::string reply_bytes(std::string_view id, std::string_view result) {
  return "\x94\x01" + std::string(id) + "\xc0" + std::string(result);
}

std::string error_bytes(std::string_view id, std::string_view error) {
  std::string bytes = "\x94\x01" + std::string(id);
  protocol::Writer writer(bytes);
  writer.string(error);
  writer.nil();
  return bytes;
}

ScriptedPeer::ScriptedPeer(std::vector<Script> scripts)
    : listener_(listen_at(path())), stop_(::eventfd(0, EFD_CLOEXEC)), scripts_(std::move(scripts)) {
  acceptor_ = std::thread([this] { accept_all(); });
}

ScriptedPeer::~ScriptedPeer() {
  ::eventfd_write(stop_, 1);
  acceptor_.join();
  for (auto& thread : running_) {
    if (thread.joinable()) thread.join();
  }
  ::close(listener_);
  ::close(stop_);
}

std::size_t ScriptedPeer::accepted() const {
  const std::lock_guard lock(mutex_);
  return running_.size();
}

void ScriptedPeer::wait_until_done(std::size_t index) {
  while (accepted() <= index) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  const std::lock_guard lock(mutex_);
  if (running_[index].joinable()) running_[index].join();
}

void ScriptedPeer::accept_all() {
  for (const auto& script : scripts_) {
    pollfd waited[] = {{listener_, POLLIN, 0}, {stop_, POLLIN, 0}};
    ::poll(waited, 2, -1);
    if (waited[1].revents != 0) return;
    const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    const std::lock_guard lock(mutex_);
    running_.emplace_back([&script, fd] {
      PeerConnection connection(fd);
      script(connection);
    });
  }
}

}  // namespace pannier::test
