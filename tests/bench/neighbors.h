// Neighbor: a client that does something long or nasty in a thread of its own, again and again, while another
// connection is measured; and what there is of them.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "tests/bench/peers.h"

namespace pannier::bench {

/// Does it once. What it holds (connections, requests made beforehand) ends with it.
using NeighborRound = std::function<void()>;

struct NeighborKind {
  std::string scenario;  ///< that it belongs to
  std::string name;      ///< in the words of the server
  std::function<NeighborRound(const Server&)> start;
};

/// All scenarios' names.
std::vector<std::string> neighbor_scenarios();
/// What neighbors there are of this server, which fill_for_neighbors() has filled with `entries`.
std::vector<NeighborKind> neighbors_of(Peer peer, std::uint64_t entries);
/// Throws std::runtime_error unless all was stored.
void fill_for_neighbors(const Server& server, std::uint64_t entries);

class Neighbor {
 public:
  /// Starts, on this processor.
  Neighbor(const NeighborKind& kind, const Server& server, int processor);
  ~Neighbor();
  Neighbor(const Neighbor&) = delete;
  Neighbor& operator=(const Neighbor&) = delete;

  /// For so long, and until the first round is done. Throws std::runtime_error if a round fails.
  void run_for(std::chrono::milliseconds duration);
  /// Of the time until run_for() came back.
  double rounds_s() const { return rounds_s_; }

 private:
  std::atomic<bool> is_over_ = false;
  std::atomic<bool> has_failed_ = false;
  std::atomic<std::uint64_t> rounds_ = 0;
  double rounds_s_ = 0;
  std::string fault_;
  std::thread thread_;
};

}  // namespace pannier::bench
