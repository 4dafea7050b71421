#include "tests/bench/echo.h"

#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <memory>
#include <stdexcept>
#include <vector>

#include "daemon/owned_fd.h"
#include "tests/bench/processors.h"
#include "tests/bench/socket.h"

namespace pannier::bench {
namespace {

constexpr char kReadByte = 'g';
constexpr char kPutByte = 'p';
constexpr char kReplyByte = 'r';
constexpr std::size_t kBufferBytes = std::size_t{256} << 10;

struct Client {
  int fd;
  Exchange under_way{};  ///< what is to come of a request, and its reply
  std::size_t owed_bytes = 0;
};

/// The loop of the child.
class Loop {
 public:
  Loop(int listener, const Exchanges& exchanges)
      : listener_(listener),
        exchanges_(exchanges),
        epoll_(::epoll_create1(0)),
        input_(kBufferBytes, ' '),
        replies_(std::max(kBufferBytes, exchanges.read.reply_bytes), kReplyByte) {
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
    // As the servers do where replies are large, so that one send takes as much as theirs.
    const int bytes = kBufferBytes;
    ::setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
    clients_.push_back(std::make_unique<Client>(Client{fd}));
    control(EPOLL_CTL_ADD, fd, EPOLLIN, clients_.back().get());
  }

  void serve(Client& client) {
    const bool had_owed = client.owed_bytes > 0;
    const ssize_t got = ::recv(client.fd, input_.data(), input_.size(), 0);
    if (got == 0) return close(client);
    if (got > 0) count(client, std::string_view(input_).substr(0, static_cast<std::size_t>(got)));
    while (client.owed_bytes > 0) {
      const ssize_t sent =
          ::send(client.fd, replies_.data(), std::min(client.owed_bytes, replies_.size()), MSG_NOSIGNAL);
      if (sent < 0) break;
      client.owed_bytes -= static_cast<std::size_t>(sent);
    }
    if (had_owed != (client.owed_bytes > 0))
      control(EPOLL_CTL_MOD, client.fd, had_owed ? EPOLLIN : EPOLLIN | EPOLLOUT, &client);
  }

  void count(Client& client, std::string_view in) const {
    Exchange& under_way = client.under_way;
    while (!in.empty()) {
      if (under_way.request_bytes == 0) under_way = in.front() == kPutByte ? exchanges_.put : exchanges_.read;
      const std::size_t bytes = std::min(under_way.request_bytes, in.size());
      in.remove_prefix(bytes);
      under_way.request_bytes -= bytes;
      if (under_way.request_bytes == 0) client.owed_bytes += under_way.reply_bytes;
    }
  }

  void close(const Client& client) {
    ::close(client.fd);
    std::erase_if(clients_, [&](const auto& each) { return each.get() == &client; });
  }

  int listener_;
  Exchanges exchanges_;
  int epoll_;
  std::string input_;
  std::string replies_;
  std::vector<std::unique_ptr<Client>> clients_;
};

}  // namespace

Echo::Echo(const Exchanges& exchanges, int processor) : socket_path_(directory_.path() + "/socket") {
  const daemon::OwnedFd listener = listening(socket_path_);
  pid_ = ::fork();
  if (pid_ == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    pin_thread(processor);
    Loop(listener.get(), exchanges).run();
  }
  if (pid_ < 0) throw std::runtime_error("cannot fork");
}

Echo::~Echo() {
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

void EchoDialect::append_request(std::string& out, const load::Asked& asked) const {
  if (is_put(asked.kind))
    out.append(exchanges_.put.request_bytes, kPutByte);
  else
    out.append(exchanges_.read.request_bytes, kReadByte);
}

std::size_t EchoDialect::reply_bytes(std::string_view in, const load::Asked& asked) const {
  const auto& exchange = is_put(asked.kind) ? exchanges_.put : exchanges_.read;
  return bytes_of_one(in, {&kReplyByte, 1}, exchange.reply_bytes);
}

void EchoDialect::append_reply(std::string& out, const load::Asked& asked) const {
  const auto& exchange = is_put(asked.kind) ? exchanges_.put : exchanges_.read;
  out.append(exchange.reply_bytes, kReplyByte);
}

}  // namespace pannier::bench
