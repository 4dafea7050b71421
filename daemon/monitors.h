// Monitors: connections that are told of requests as they are answered, as notifications
// [2, "request", [{...}, left_out]]. They are told of a sample, and of at most kLinesPerSecond; what is above
// that, and what comes while one does not read, is left out and counted. Nobody waits for them.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "daemon/address.h"
#include "daemon/dispatcher.h"
#include "daemon/subject.h"
#include "protocol/bytes.h"
#include "protocol/error.h"

namespace pannier::daemon {

/// How a request was answered.
struct SeenAnswer {
  std::uint64_t bytes = 0;                   ///< of the result, as it is encoded
  bool is_nil = false;                       ///< the result
  std::optional<protocol::ErrorCode> error;  ///< instead of a result
};

/// A request that was answered.
struct SeenRequest {
  const Address& request;
  protocol::Bytes params;  ///< as they came, or the first of them; empty: not known any more
  std::uint64_t ns;        ///< that it took
  SeenAnswer answer;
};

class Monitors {
 public:
  static constexpr std::uint64_t kLinesPerSecond = 1'000;
  /// Unsent bytes above which a monitor is not told more.
  static constexpr std::uint64_t kUnsentBytesMax = std::uint64_t{256} << 10;
  static constexpr std::size_t kMax = 16;

  struct Wanted {
    std::uint64_t one_in = 1;  ///< of so many requests one is told
    std::string cache;         ///< of this one alone; empty: of any
    std::uint8_t row = 0;      ///< of the meter: of this method alone; 0: of any
  };

  explicit Monitors(Outbox& outbox) : outbox_(outbox) {}

  bool any() const { return !monitors_.empty(); }
  /// Tells the connection from now on, instead of what it wanted before. False: there are kMax others.
  bool start(ConnectionId connection, Wanted wanted);
  /// False: it was none.
  bool stop(ConnectionId connection) { return monitors_.erase(connection) > 0; }
  /// Those that monitor, and of which `may` says that they may not.
  std::vector<ConnectionId> without_right(const std::function<bool(ConnectionId)>& may) const;
  void tell(const SeenRequest& seen, std::uint64_t now_ns);

 private:
  struct Monitor {
    Wanted wanted;
    std::uint64_t matched = 0;
    std::uint64_t second_began_ns = 0;
    std::uint64_t lines_in_second = 0;
    std::uint64_t left_out = 0;  ///< since the last line
  };

  bool may_tell(ConnectionId to, Monitor& monitor, std::uint64_t now_ns) const;
  void write(std::string& output, const SeenRequest& seen, const Subject& subject,
             std::uint64_t left_out) const;

  Outbox& outbox_;
  std::map<ConnectionId, Monitor> monitors_;
};

}  // namespace pannier::daemon
