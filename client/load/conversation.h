// Conversation: what a connection of a load was asked for and has not been answered yet, and the looking at
// the replies that come. No I/O.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "client/load/tape.h"
#include "protocol/histogram.h"

namespace pannier::load {

class Conversation {
 public:
  /// `depth`: requests under way at most. `number`: which of all connections it is.
  Conversation(const Dialect& dialect, const Tape& tape, std::uint32_t depth, std::uint32_t number);

  /// These are sent now.
  void asked(Slice slice, std::int64_t now_ns);
  /// Takes what came, and notes how long the whole replies took since asked(). How many there were. Throws
  /// Fault if one is wrong.
  std::uint32_t take(std::string_view bytes, std::int64_t now_ns, protocol::Histogram& latencies);

 private:
  /// Sent at one moment.
  struct Batch {
    Slice slice;  ///< what is left of it
    std::int64_t sent_ns;
  };

  /// Takes whole replies from the start of `in`, which holds all that is not taken yet. How much remains.
  std::string_view take_whole(std::string_view in, std::int64_t now_ns, protocol::Histogram& latencies);
  /// How much of `in` the oldest reply takes; 0 if it stays there until it is whole. `owed_bytes_` is what is
  /// still to come of one whose first part is taken.
  std::size_t take_one(std::string_view in, std::uint32_t index);
  void compare(std::string_view reply, const Asked& asked) const;

  const Dialect& dialect_;
  const Tape& tape_;
  std::vector<Batch> batches_;  ///< a ring; a power of two, never more in use than requests under way
  std::size_t first_ = 0;
  std::size_t last_ = 0;        ///< behind it
  std::uint32_t replies_;       ///< counted from somewhere, to choose those that are compared
  std::string kept_;            ///< the part of a reply that has come
  std::size_t owed_bytes_ = 0;  ///< of the oldest reply, and need not be looked at
};

}  // namespace pannier::load
