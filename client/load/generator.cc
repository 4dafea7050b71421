#include "client/load/generator.h"

#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>
#include <vector>

#include "client/load/connection.h"

namespace pannier::load {
namespace {

constexpr int kSilenceMaxMs = 10'000;
constexpr std::size_t kEventsMax = 512;

double seconds_of(clockid_t clock) {
  timespec time{};
  if (::clock_gettime(clock, &time) != 0) return 0;
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

/// Tells of each arrival once (edge-triggered), which spares the kernel a second look at every connection.
class Epoll {
 public:
  Epoll() : fd_(::epoll_create1(EPOLL_CLOEXEC)) {
    if (fd_ < 0) throw Fault("cannot make an epoll instance");
  }
  ~Epoll() { ::close(fd_); }
  Epoll(const Epoll&) = delete;
  Epoll& operator=(const Epoll&) = delete;

  void add(Connection& connection) { control(EPOLL_CTL_ADD, connection, EPOLLIN | EPOLLET); }
  void watch_room(Connection& connection, bool is_wanted) {
    control(EPOLL_CTL_MOD, connection, (is_wanted ? EPOLLIN | EPOLLOUT : EPOLLIN) | EPOLLET);
  }
  /// Those that something happened to. Throws Fault if nothing does for long.
  std::size_t wait(std::array<epoll_event, kEventsMax>& events) {
    for (;;) {
      const int count = ::epoll_wait(fd_, events.data(), kEventsMax, kSilenceMaxMs);
      if (count > 0) return static_cast<std::size_t>(count);
      if (count == 0) throw NoConnection("no reply for 10 seconds");
      if (errno != EINTR) throw Fault("cannot wait for replies");
    }
  }

 private:
  void control(int operation, Connection& connection, std::uint32_t events) {
    epoll_event event{};
    event.events = events;
    event.data.ptr = &connection;
    if (::epoll_ctl(fd_, operation, connection.fd(), &event) != 0) throw Fault("cannot watch a connection");
  }

  int fd_;
};

class Run {
 public:
  Run(const Dialect& dialect, const Tape& tape, const LoadOptions& options, bool is_once)
      : tape_(tape), options_(options), is_once_(is_once) {
    if (options.server > 0 && ::clock_getcpuclockid(options.server, &server_clock_) != 0)
      throw NoConnection("the server has ended");
    for (std::uint32_t i = 0; i < options.connections; ++i) {
      connections_.push_back(
          std::make_unique<Connection>(options.socket_path, dialect, tape, options.depth, i));
      epoll_.add(*connections_.back());
    }
  }

  Measured once() {
    start();
    while (outstanding_ > 0) pass();
    return std::move(measured_);
  }

  Measured timed() {
    start();
    pass_for(options_.warmup_s);
    measured_.latencies.clear();
    const Moment begin = moment();
    measure();
    const Moment end = moment();
    Measured measured = measured_;
    measured.requests = measured.latencies.count();
    measured.seconds = static_cast<double>(end.wall_ns - begin.wall_ns) / 1e9;
    measured.generator_cpu_s = end.generator_s - begin.generator_s;
    measured.server_cpu_s = end.server_s - begin.server_s;
    is_ending_ = true;
    while (outstanding_ > 0) pass();
    return measured;
  }

 private:
  struct Moment {
    std::int64_t wall_ns;
    double generator_s;
    double server_s;
  };

  Moment moment() const {
    return {now_ns(), seconds_of(CLOCK_THREAD_CPUTIME_ID),
            options_.server > 0 ? seconds_of(server_clock_) : 0};
  }

  void start() {
    const std::int64_t now = now_ns();
    for (auto& connection : connections_) ask(*connection, options_.depth, now);
  }

  void pass_for(double seconds) {
    const auto end_ns = now_ns() + static_cast<std::int64_t>(seconds * 1e9);
    do {
      pass();
    } while (now_ns() < end_ns);
  }

  void measure() {
    constexpr double kStep = 0.1;
    double done = 0;
    while (done < options_.measured_s && (!options_.goes_on || options_.goes_on(done))) {
      const double step = std::min(kStep, options_.measured_s - done);
      pass_for(step);
      done += step;
    }
  }

  void pass() {
    const std::size_t count = epoll_.wait(events_);
    for (std::size_t i = 0; i < count; ++i) {
      auto& connection = *static_cast<Connection*>(events_[i].data.ptr);
      if ((events_[i].events & EPOLLOUT) != 0) {
        connection.flush();
        if (!connection.has_unsent()) epoll_.watch_room(connection, false);
      }
      if ((events_[i].events & ~std::uint32_t{EPOLLOUT}) != 0) serve(connection);
    }
  }

  void serve(Connection& connection) {
    Connection::Received received{};
    do {
      received = connection.receive(input_, measured_.latencies);
      outstanding_ -= received.replies;
      if (received.replies > 0) ask(connection, received.replies, received.now_ns);
    } while (received.has_more);
  }

  void ask(Connection& connection, std::uint32_t wanted, std::int64_t now_ns) {
    if (is_ending_) return;
    if (tape_.size() - at_ < wanted) {
      if (is_once_)
        wanted = tape_.size() - at_;
      else
        at_ = 0;
    }
    if (wanted == 0) return;
    const bool had_unsent = connection.has_unsent();
    connection.ask({at_, wanted}, now_ns);
    if (connection.has_unsent() && !had_unsent) epoll_.watch_room(connection, true);
    at_ += wanted;
    outstanding_ += wanted;
  }

  const Tape& tape_;
  const LoadOptions& options_;
  bool is_once_;
  clockid_t server_clock_{};
  Epoll epoll_;
  std::vector<std::unique_ptr<Connection>> connections_;
  std::array<epoll_event, kEventsMax> events_{};
  Input input_;
  Measured measured_;
  std::uint32_t at_ = 0;  ///< on the tape
  std::uint64_t outstanding_ = 0;
  bool is_ending_ = false;
};

}  // namespace

Measured run_load(const Dialect& dialect, const Tape& tape, const LoadOptions& options) {
  return std::make_unique<Run>(dialect, tape, options, false)->timed();
}

void run_once(const Dialect& dialect, const Tape& tape, const LoadOptions& options) {
  std::make_unique<Run>(dialect, tape, options, true)->once();
}

}  // namespace pannier::load
