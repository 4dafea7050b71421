#include "client/load/generator.h"

#include <time.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "client/load/conversation.h"

namespace pannier::load {
namespace {

double seconds_of(clockid_t clock) {
  timespec time{};
  if (::clock_gettime(clock, &time) != 0) return 0;
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

class Run {
 public:
  Run(const Dialect& dialect, const Tape& tape, const LoadOptions& options, bool is_once)
      : tape_(tape), options_(options), is_once_(is_once) {
    if (options.server > 0 && ::clock_getcpuclockid(options.server, &server_clock_) != 0)
      throw NoConnection("the server has ended");
    wire_ = options.wire(options.socket_path, options.connections);
    for (std::uint32_t i = 0; i < options.connections; ++i)
      conversations_.emplace_back(dialect, tape, options.depth, i);
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
    return {now_ns(), seconds_of(CLOCK_THREAD_CPUTIME_ID) - static_cast<double>(wire_->spun_ns()) / 1e9,
            options_.server > 0 ? seconds_of(server_clock_) : 0};
  }

  void start() {
    const std::int64_t now = now_ns();
    for (std::uint32_t i = 0; i < options_.connections; ++i) ask(i, options_.depth, now);
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

  void pass() { wire_->wait(arrived_); }

  void take(std::uint32_t connection, std::string_view bytes, std::int64_t now_ns) {
    const std::uint32_t replies = conversations_[connection].take(bytes, now_ns, measured_.latencies);
    outstanding_ -= replies;
    if (replies > 0) ask(connection, replies, now_ns);
  }

  void ask(std::uint32_t connection, std::uint32_t wanted, std::int64_t now_ns) {
    if (is_ending_) return;
    if (tape_.size() - at_ < wanted) {
      if (is_once_)
        wanted = tape_.size() - at_;
      else
        at_ = 0;
    }
    if (wanted == 0) return;
    conversations_[connection].asked({at_, wanted}, now_ns);
    wire_->send(connection, tape_.bytes({at_, wanted}));
    at_ += wanted;
    outstanding_ += wanted;
  }

  const Tape& tape_;
  const LoadOptions& options_;
  bool is_once_;
  clockid_t server_clock_{};
  std::unique_ptr<Wire> wire_;
  std::vector<Conversation> conversations_;
  const Wire::Arrived arrived_ = [this](std::uint32_t connection, std::string_view bytes,
                                        std::int64_t now_ns) { take(connection, bytes, now_ns); };
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
