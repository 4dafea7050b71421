// Connection of a load: sends pieces of the tape and looks at the replies, in a closed loop that the
// generator keeps going. One read a wake-up, however many replies it brings, and one write.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "client/load/tape.h"
#include "protocol/histogram.h"

namespace pannier::load {

/// Monotonic.
std::int64_t now_ns();

/// For reading, one for all connections, so that it stays in the processor's cache.
class Input {
 public:
  static constexpr std::size_t kReadBytes = std::size_t{256} << 10;

  /// Room for kReadBytes behind so many bytes.
  char* room_behind(std::size_t kept_bytes) {
    if (bytes_.size() < kept_bytes + kReadBytes) bytes_.resize(kept_bytes + kReadBytes);
    return bytes_.data();
  }

 private:
  std::string bytes_;
};

class Connection {
 public:
  struct Received {
    std::uint32_t replies;  ///< that are whole now
    std::int64_t now_ns;    ///< when they were read
    bool has_more;          ///< there may be more to read
  };

  /// Connects. `number`: which of all connections it is. Throws Fault if that fails.
  Connection(const std::string& socket_path, const Dialect& dialect, const Tape& tape, std::uint32_t depth,
             std::uint32_t number);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  int fd() const { return fd_; }
  /// Sends these. What the socket does not take waits for flush().
  void ask(Slice slice, std::int64_t now_ns);
  void flush();
  bool has_unsent() const { return !unsent_.empty(); }
  /// Reads once and notes how long the whole replies took: from ask() to the read that brought them. Throws
  /// Fault if a reply is wrong, or at the end of the connection.
  Received receive(Input& input, protocol::Histogram& latencies);
  /// Requests without a whole reply.
  std::uint32_t outstanding() const { return outstanding_; }

 private:
  /// Sent at one moment.
  struct Batch {
    Slice slice;  ///< what is left of it
    std::int64_t sent_ns;
  };

  /// Takes whole replies from the start of `in`, which holds all that is not taken yet. How many.
  std::uint32_t take(std::string_view in, std::int64_t now_ns, protocol::Histogram& latencies);
  /// How much of `in` the oldest reply takes; 0 if it stays there until it is whole. `owed_bytes_` is what is
  /// still to come of one whose first part is taken.
  std::size_t take_one(std::string_view in);
  void compare(std::string_view reply, const Asked& asked) const;
  std::size_t send(std::string_view bytes) const;

  const Dialect& dialect_;
  const Tape& tape_;
  int fd_ = -1;
  std::vector<Batch> batches_;  ///< a ring; a power of two, never more in use than outstanding_
  std::size_t first_ = 0;
  std::size_t last_ = 0;  ///< behind it
  std::uint32_t outstanding_ = 0;
  std::uint32_t replies_;       ///< counted from somewhere, to choose those that are compared
  std::string kept_;            ///< the part of a reply that has come
  std::size_t owed_bytes_ = 0;  ///< of the oldest reply, and need not be looked at
  std::vector<std::string_view> unsent_;
};

}  // namespace pannier::load
