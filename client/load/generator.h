// Generator: a load on one server from one thread: a number of connections, each of which keeps `depth`
// requests under way and sends the next as soon as replies have come. All requests that are due on a
// connection go in one piece.
//
// The clock is read when replies were read: that is when they came, and when the requests that follow were
// sent. A latency therefore includes what the generator does with replies that it read together.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <string>

#include "client/load/dialect.h"
#include "client/load/tape.h"
#include "client/load/wire.h"
#include "protocol/histogram.h"

namespace pannier::load {

struct LoadOptions {
  std::string socket_path{};
  std::uint32_t connections = 1;
  std::uint32_t depth = 1;
  double warmup_s = 0.15;
  double measured_s = 0.6;
  MakeWire wire = epoll_wire();
  pid_t server = 0;  ///< the process whose processor time is noted; 0: of none
  /// Asked about ten times a second while it is measured: false ends it before its time.
  std::function<bool(double measured_s)> goes_on{};
};

struct Measured {
  double seconds = 0;
  std::uint64_t requests = 0;  ///< answered in this time
  protocol::Histogram latencies;
  double generator_cpu_s = 0;  ///< without what it spun in vain
  double server_cpu_s = 0;
};

/// Goes round the tape, first to warm up, then for the time that is measured, and waits for what is under way
/// then. Throws Fault if a reply is wrong or does not come.
Measured run_load(const Dialect& dialect, const Tape& tape, const LoadOptions& options);

/// Sends the tape once, without measuring, and waits for all replies. Throws Fault like run_load().
void run_once(const Dialect& dialect, const Tape& tape, const LoadOptions& options);

}  // namespace pannier::load
