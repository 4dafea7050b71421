#include "tests/bench/durable_floor.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <memory>
#include <stdexcept>
#include <vector>

#include "daemon/owned_fd.h"
#include "tests/bench/socket.h"

namespace pannier::bench {
namespace {

constexpr std::size_t kFileBytes = std::size_t{4} << 20;

struct Putting {
  int fd;
  std::string request;  // as much of it as has come
};

/// The loop of the child.
class BatchLoop {
 public:
  BatchLoop(int listener, int file, const FloorExchange& exchange)
      : listener_(listener),
        file_(file),
        exchange_(exchange),
        epoll_(::epoll_create1(0)),
        input_(exchange.request_bytes, ' ') {
    watch(listener_, nullptr);
  }

  [[noreturn]] void run() {
    std::array<epoll_event, 128> events{};
    for (;;) {
      const int count = ::epoll_wait(epoll_, events.data(), events.size(), waiting_.empty() ? -1 : 0);
      for (int i = 0; i < count; ++i) {
        auto* client = static_cast<Putting*>(events[static_cast<std::size_t>(i)].data.ptr);
        if (client == nullptr)
          accept();
        else
          read(*client);
      }
      if (count == 0 && !waiting_.empty()) answer_all();
    }
  }

 private:
  void watch(int fd, Putting* client) const {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.ptr = client;
    ::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event);
  }

  void accept() {
    const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK);
    if (fd < 0) return;
    clients_.push_back(std::make_unique<Putting>(Putting{.fd = fd, .request = {}}));
    watch(fd, clients_.back().get());
  }

  void read(Putting& client) {
    const std::size_t missing = exchange_.request_bytes - client.request.size();
    const ssize_t got = ::recv(client.fd, input_.data(), missing, 0);
    if (got == 0) return close(client);
    if (got < 0) return;
    client.request.append(input_, 0, static_cast<std::size_t>(got));
    if (client.request.size() < exchange_.request_bytes) return;
    records_ += client.request;
    waiting_.push_back(client.fd);
    records_.resize(waiting_.size() * exchange_.record_bytes);
    client.request.clear();
  }

  void answer_all() {
    write_records();
    for (const int fd : waiting_) ::send(fd, exchange_.reply.data(), exchange_.reply.size(), MSG_NOSIGNAL);
    waiting_.clear();
    records_.clear();
  }

  void write_records() {
    if (file_at_ + records_.size() > kFileBytes) file_at_ = 0;
    const ssize_t written = ::pwrite(file_, records_.data(), records_.size(), static_cast<off_t>(file_at_));
    // Who measures it finds its connections closed.
    if (written != static_cast<ssize_t>(records_.size()) || ::fdatasync(file_) != 0) ::_exit(1);
    file_at_ += records_.size();
  }

  void close(const Putting& client) {
    ::close(client.fd);
    std::erase_if(clients_, [&](const auto& each) { return each.get() == &client; });
  }

  int listener_;
  int file_;
  FloorExchange exchange_;
  int epoll_;
  std::string input_;
  std::string records_;       // of those who wait
  std::vector<int> waiting_;  // their descriptors
  std::vector<std::unique_ptr<Putting>> clients_;
  std::size_t file_at_ = 0;
};

daemon::OwnedFd written_file(const std::string& path) {
  daemon::OwnedFd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  const std::string zeros(kFileBytes, '\0');
  if (::write(file.get(), zeros.data(), zeros.size()) != static_cast<ssize_t>(zeros.size()) ||
      ::fsync(file.get()) != 0)
    throw std::runtime_error("cannot write " + path);
  return file;
}

}  // namespace

DurableFloor::DurableFloor(const FloorExchange& exchange) : socket_path_(directory_.path() + "/socket") {
  const daemon::OwnedFd listener = listening(socket_path_);
  const daemon::OwnedFd file = written_file(directory_.path() + "/log");
  pid_ = ::fork();
  if (pid_ == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    BatchLoop(listener.get(), file.get(), exchange).run();
  }
  if (pid_ < 0) throw std::runtime_error("cannot fork");
}

DurableFloor::~DurableFloor() {
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

}  // namespace pannier::bench
