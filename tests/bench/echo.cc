#include "tests/bench/echo.h"

#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <vector>

#include "tests/bench/getter.h"

namespace pannier::bench {
namespace {

constexpr char kRequestByte = 'q';
constexpr char kReplyByte = 'r';
constexpr std::size_t kBufferBytes = std::size_t{256} << 10;

struct Client {
  int fd;
  std::size_t request_part_bytes = 0;  ///< of one that is not whole
  std::size_t owed_bytes = 0;
};

/// The loop of the child.
class Loop {
 public:
  Loop(int listener, std::size_t request_bytes, std::size_t reply_bytes)
      : listener_(listener),
        request_bytes_(request_bytes),
        reply_bytes_(reply_bytes),
        epoll_(::epoll_create1(0)),
        input_(kBufferBytes, ' '),
        replies_(std::max(kBufferBytes, reply_bytes), kReplyByte) {
    control(EPOLL_CTL_ADD, listener_, EPOLLIN, nullptr);
  }

  [[noreturn]] void run() {
    std::array<epoll_event, 512> events{};
    for (;;) {
      const int count = ::epoll_wait(epoll_, events.data(), events.size(), -1);
      for (int i = 0; i < count; ++i) {
        auto* client = static_cast<Client*>(events[static_cast<std::size_t>(i)].data.ptr);
        if (client == nullptr)
          accept();
        else
          serve(*client);
      }
    }
  }

 private:
  void control(int operation, int fd, std::uint32_t events, Client* client) const {
    epoll_event event{};
    event.events = events;
    event.data.ptr = client;
    ::epoll_ctl(epoll_, operation, fd, &event);
  }

  void accept() {
    const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK);
    if (fd < 0) return;
    clients_.push_back(std::make_unique<Client>(Client{fd}));
    control(EPOLL_CTL_ADD, fd, EPOLLIN, clients_.back().get());
  }

  void serve(Client& client) {
    const bool had_owed = client.owed_bytes > 0;
    const ssize_t got = ::recv(client.fd, input_.data(), input_.size(), 0);
    if (got == 0) return close(client);
    if (got > 0) {
      client.request_part_bytes += static_cast<std::size_t>(got);
      client.owed_bytes += client.request_part_bytes / request_bytes_ * reply_bytes_;
      client.request_part_bytes %= request_bytes_;
    }
    while (client.owed_bytes > 0) {
      const ssize_t sent =
          ::send(client.fd, replies_.data(), std::min(client.owed_bytes, replies_.size()), MSG_NOSIGNAL);
      if (sent < 0) break;
      client.owed_bytes -= static_cast<std::size_t>(sent);
    }
    if (had_owed != (client.owed_bytes > 0))
      control(EPOLL_CTL_MOD, client.fd, had_owed ? EPOLLIN : EPOLLIN | EPOLLOUT, &client);
  }

  void close(const Client& client) {
    ::close(client.fd);
    std::erase_if(clients_, [&](const auto& each) { return each.get() == &client; });
  }

  int listener_;
  std::size_t request_bytes_;
  std::size_t reply_bytes_;
  int epoll_;
  std::string input_;
  std::string replies_;
  std::vector<std::unique_ptr<Client>> clients_;
};

int listening(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), std::min(path.size(), sizeof address.sun_path - 1));
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 || ::listen(fd, 1024) != 0)
    throw std::runtime_error("cannot listen on " + path);
  return fd;
}

}  // namespace

Echo::Echo(std::size_t request_bytes, std::size_t reply_bytes, std::optional<int> processor)
    : socket_path_(directory_.path() + "/socket") {
  const int listener = listening(socket_path_);
  pid_ = ::fork();
  if (pid_ == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (processor) pin_thread(*processor);
    Loop(listener, request_bytes, reply_bytes).run();
  }
  ::close(listener);
  if (pid_ < 0) throw std::runtime_error("cannot fork");
}

Echo::~Echo() {
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

EchoDialect::EchoDialect(const load::Entries& entries, std::size_t request_bytes, std::size_t reply_bytes)
    : Dialect(entries), request_bytes_(request_bytes), reply_bytes_(reply_bytes) {}

void EchoDialect::append_request(std::string& out, const load::Asked&) const {
  out.append(request_bytes_, kRequestByte);
}

std::size_t EchoDialect::reply_bytes(std::string_view in, const load::Asked&) const {
  return bytes_of_one(in, {&kReplyByte, 1}, reply_bytes_);
}

void EchoDialect::append_reply(std::string& out, const load::Asked&) const {
  out.append(reply_bytes_, kReplyByte);
}

}  // namespace pannier::bench
