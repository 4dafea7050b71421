// Getter: one connection that gets one key again and again, in a thread of its own, and notes how long each
// took.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include "tests/bench/peers.h"

namespace pannier::bench {

struct Latencies {
  double max_ms = 0;
  double p50_ms = 0;
  double p99_ms = 0;
  double p999_ms = 0;
  std::vector<std::uint32_t> taken_ns{};  ///< of each, sorted

  /// Of the time of all of them, the share of those that took longer.
  double share_above(double limit_ms) const;
};

class Getter {
 public:
  /// Writes the key into Pannier's cache, and starts. Where it may, its thread goes before all others of its
  /// processor, so that it is only the server it waits for.
  Getter(const Server& server, int processor, const std::string& cache);
  ~Getter();

  /// Ends. Throws std::runtime_error if the server did not answer to the end.
  Latencies stop();

 private:
  void run(const std::string& socket_path, Peer peer, const std::string& cache);

  std::atomic<bool> is_stopping_ = false;
  std::vector<std::uint32_t> taken_ns_;
  std::string fault_;
  std::thread thread_;
};

}  // namespace pannier::bench
