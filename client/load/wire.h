// Wire: carries the bytes of a load between its connections and a server.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "client/load/dialect.h"

namespace pannier::load {

/// Monotonic.
std::int64_t now_ns();

/// What a load does while nothing comes.
enum class Waiting : std::uint8_t {
  kSleeps,  ///< as clients do; the server's processor has to wake it
  kSpins,   ///< looks again and again, which keeps its processor busy all the time
};

class Wire {
 public:
  using Arrived = std::function<void(std::uint32_t connection, std::string_view bytes, std::int64_t now_ns)>;

  explicit Wire(Waiting waiting) : waiting_(waiting) {}
  virtual ~Wire() = default;
  Wire(const Wire&) = delete;
  Wire& operator=(const Wire&) = delete;

  /// Sends these by the next wait(), or when the socket takes them. They have to stay where they are. Throws
  /// NoConnection.
  virtual void send(std::uint32_t connection, std::string_view bytes) = 0;
  /// Waits until something comes or is sent, and calls `arrived` for every piece that has come, with the time
  /// at which it was read. Throws NoConnection at the end of a connection, and if nothing comes for 10
  /// seconds.
  virtual void wait(const Arrived& arrived) = 0;

  /// For how long it has looked in vain: processor time that the load had to spare.
  std::int64_t spun_ns() const { return spun_ns_; }

 protected:
  /// Calls `look(most_ms)`, which waits for so long and says whether something has come, until it has.
  template <typename Look>
  void await(const Look& look) {
    if (look(waiting_ == Waiting::kSleeps ? kSilenceMaxMs : 0)) return;
    const std::int64_t start_ns = now_ns();
    std::int64_t vain_ns = start_ns;
    for (; waiting_ == Waiting::kSpins && vain_ns - start_ns < kSilenceMaxMs * std::int64_t{1'000'000};
         vain_ns = now_ns()) {
      if (!look(0)) continue;
      spun_ns_ += vain_ns - start_ns;
      return;
    }
    throw NoConnection("no reply for 10 seconds");
  }

 private:
  static constexpr int kSilenceMaxMs = 10'000;

  Waiting waiting_;
  std::int64_t spun_ns_ = 0;
};

/// To a server, by so many connections, numbered from 0 on. Throws Fault if they cannot be made.
using MakeWire =
    std::function<std::unique_ptr<Wire>(const std::string& socket_path, std::uint32_t connections)>;

/// A read and a write for every connection that something came over, as epoll tells it. Works everywhere.
MakeWire epoll_wire(Waiting waiting = Waiting::kSleeps);

}  // namespace pannier::load
