// Contest: servers beside each other over entries of one size, each started by the benchmark and filled;
// every round measures all of them in turn, and the order turns round from round to round.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "client/load/generator.h"
#include "tests/bench/peers.h"
#include "tests/bench/shape.h"

namespace pannier::bench {

inline constexpr const char* kPannierName = "pannier";
/// Pannier with more arguments.
inline constexpr const char* kSecondName = "second";
/// Pannier with adaptive spinning at both ends, which is off by default: of the daemon, and of its client.
inline constexpr const char* kSpinningName = "spinning";
inline constexpr const char* kFloorName = "floor";

/// Who takes part. Without a peer: the floor, a bare echo server.
struct Contestant {
  std::string name;
  std::optional<Peer> peer{};
  std::string program{};                 ///< instead of the built pannierd
  std::vector<std::string> arguments{};  ///< more for its command line
  std::optional<Shape> only{};           ///< the one that it takes part in; all without
  bool has_spinning_client = false;      ///< its load spins where others' sleep
};

/// What one server did in one round.
struct Figures {
  double requests_s;
  double p50_us;
  double p99_us;
  double p999_us;
  double server_cpu_us;    ///< of each request
  double generator_share;  ///< of its processor, without spinning: near 1, it is what is measured
};

/// By contestant, by round. Empty for who does not take part in this shape.
using Rounds = std::vector<std::vector<Figures>>;

struct ContestOptions {
  std::uint64_t rounds = 7;
  /// So many at most, as long as what is compared is_scattered().
  std::uint64_t rounds_max = 13;
  double measured_s = 0.3;
  double warmup_s = 0.1;
  bool has_ring = true;  ///< io_uring carries replies of up to kRingReplyBytesMax, epoll the others
  load::Waiting waiting = load::Waiting::kSpins;  ///< but where there is one request at a time: it sleeps
};
inline constexpr std::size_t kRingReplyBytesMax = std::size_t{8} << 10;

class Contest {
 public:
  /// Starts and fills them all. Throws std::runtime_error, with the server's log, if one cannot be.
  Contest(const std::vector<Contestant>& contestants, std::size_t value_bytes, const ContestOptions& options);
  ~Contest();

  /// Throws std::runtime_error, with the name of the server, if a reply is wrong or does not come.
  Rounds run(const Shape& shape, const std::function<void(const std::string&)>& progress);

 private:
  class Entrant;

  Figures measure(Entrant& entrant, const Shape& shape) const;
  load::MakeWire wire_for(const Entrant& entrant, const Shape& shape) const;

  ContestOptions options_;
  load::Entries entries_;
  std::vector<std::unique_ptr<Entrant>> entrants_;
};

}  // namespace pannier::bench
