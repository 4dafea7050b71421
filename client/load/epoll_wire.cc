#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <deque>
#include <vector>

#include "client/load/connection.h"
#include "client/load/wire.h"

namespace pannier::load {
namespace {

constexpr std::size_t kEventsMax = 512;
constexpr std::size_t kReadBytes = std::size_t{256} << 10;

/// Tells of each arrival once (edge-triggered), which spares the kernel a second look at every connection.
class Epoll {
 public:
  Epoll() : fd_(::epoll_create1(EPOLL_CLOEXEC)) {
    if (fd_ < 0) throw Fault("cannot make an epoll instance");
  }
  ~Epoll() { ::close(fd_); }
  Epoll(const Epoll&) = delete;
  Epoll& operator=(const Epoll&) = delete;

  void add(int fd, std::uint32_t number) { control(EPOLL_CTL_ADD, fd, number, EPOLLIN | EPOLLET); }
  void watch_room(int fd, std::uint32_t number, bool is_wanted) {
    control(EPOLL_CTL_MOD, fd, number, (is_wanted ? EPOLLIN | EPOLLOUT : EPOLLIN) | EPOLLET);
  }
  /// How many something happened to; 0 if nothing does for so long.
  std::size_t wait(std::array<epoll_event, kEventsMax>& events, int most_ms) {
    int count = 0;
    do {
      count = ::epoll_wait(fd_, events.data(), kEventsMax, most_ms);
    } while (count < 0 && errno == EINTR);
    if (count < 0) throw Fault("cannot wait for replies");
    return static_cast<std::size_t>(count);
  }

 private:
  void control(int operation, int fd, std::uint32_t number, std::uint32_t events) const {
    epoll_event event{};
    event.events = events;
    event.data.u32 = number;
    if (::epoll_ctl(fd_, operation, fd, &event) != 0) throw Fault("cannot watch a connection");
  }

  int fd_;
};

class EpollWire final : public Wire {
 public:
  EpollWire(Waiting waiting, const std::string& socket_path, std::uint32_t connections)
      : Wire(waiting), input_(kReadBytes) {
    for (std::uint32_t number = 0; number < connections; ++number)
      epoll_.add(peers_.emplace_back(socket_path).connection.fd(), number);
  }

  void send(std::uint32_t number, std::string_view bytes) override {
    Peer& peer = peers_[number];
    const bool had_unsent = !peer.unsent.empty();
    if (!had_unsent) bytes.remove_prefix(peer.connection.send(bytes));
    if (bytes.empty()) return;
    peer.unsent.push_back(bytes);
    if (!had_unsent) epoll_.watch_room(peer.connection.fd(), number, true);
  }

  void wait(const Arrived& arrived) override {
    std::size_t count = 0;
    await([&](int most_ms) { return (count = epoll_.wait(events_, most_ms)) > 0; });
    for (std::size_t i = 0; i < count; ++i) {
      const std::uint32_t number = events_[i].data.u32;
      if ((events_[i].events & EPOLLOUT) != 0) flush(number);
      if ((events_[i].events & ~std::uint32_t{EPOLLOUT}) != 0) receive(number, arrived);
    }
  }

 private:
  struct Peer {
    explicit Peer(const std::string& socket_path) : connection(socket_path) {}
    Connection connection;
    std::deque<std::string_view> unsent;
  };

  void flush(std::uint32_t number) {
    Peer& peer = peers_[number];
    while (!peer.unsent.empty()) {
      auto& bytes = peer.unsent.front();
      bytes.remove_prefix(peer.connection.send(bytes));
      if (!bytes.empty()) return;
      peer.unsent.pop_front();
    }
    epoll_.watch_room(peer.connection.fd(), number, false);
  }

  void receive(std::uint32_t number, const Arrived& arrived) {
    std::string_view bytes;
    do {
      bytes = peers_[number].connection.receive(input_);
      if (!bytes.empty()) arrived(number, bytes, now_ns());
    } while (bytes.size() == input_.size());
  }

  Epoll epoll_;
  std::deque<Peer> peers_;
  std::array<epoll_event, kEventsMax> events_{};
  std::vector<char> input_;  ///< one for all, so that it stays in the processor's cache
};

}  // namespace

MakeWire epoll_wire(Waiting waiting) {
  return [waiting](const std::string& socket_path, std::uint32_t connections) {
    return std::make_unique<EpollWire>(waiting, socket_path, connections);
  };
}

std::int64_t now_ns() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * std::int64_t{1'000'000'000} + now.tv_nsec;
}

}  // namespace pannier::load
