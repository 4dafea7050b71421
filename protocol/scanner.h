// FrameScanner finds where one MessagePack object ends in bytes that arrive piece by piece, and refuses early
// what breaks a limit. It looks at every byte once, keeps its place between calls, allocates only its stack
// of open containers (at most depth_max), and never calls itself, so that no input can exhaust the machine's
// stack.
//
// It does not know what the object means: message.h reads a whole frame. It accepts exactly what the
// MessagePack specification calls well formed; the byte 0xc1 is refused.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <variant>
#include <vector>

#include "protocol/bytes.h"
#include "protocol/error.h"
#include "protocol/item_head.h"
#include "protocol/limits.h"

namespace pannier::protocol {

/// More bytes are needed; the object has at least `bytes_min` bytes in all (a hint to size the buffer with).
struct NeedMore {
  std::size_t bytes_min;
};
/// The object is whole: the first `size` bytes.
struct FrameEnd {
  std::size_t size;
};
/// The object is not MessagePack or nested too deep (kBadRequest), or breaks frame_bytes_max (kTooLarge).
/// Final: the stream is lost, and every later call answers the same.
using ScanOutcome = std::variant<NeedMore, FrameEnd, Error>;

class FrameScanner {
 public:
  explicit FrameScanner(FrameLimits limits) : limits_(limits) {}

  /// From what comes next on.
  void set_limits(FrameLimits limits) { limits_ = limits; }

  /// Nothing was seen yet of the next object.
  bool is_at_start() const { return position_ == 0; }

  /// `bytes`: everything that has arrived of the object, from its first byte on; each call sees at least what
  /// the call before saw. After FrameEnd the scanner starts over with the next object. A top-level object
  /// that is no array is refused at its first byte (kBadRequest): no message starts so.
  ScanOutcome scan(Bytes bytes);
  /// The object that scan() wants more of was taken by others: the next one comes.
  void start_over();

 private:
  /// Steps over the head at position_ and its body, or refuses it and stays.
  std::optional<Error> take(const ItemHead& head);

  FrameLimits limits_;
  /// Where the next head stands; past the end of what has arrived while the body of the last one is awaited.
  std::size_t position_ = 0;
  /// Smallest size the whole object can have, from the lengths announced so far: one byte for each object
  /// that is still to come. Equal to position_ when none is.
  std::size_t bytes_min_ = 1;
  /// For each open container: how many objects are still to come.
  std::vector<std::uint64_t> open_;
};

}  // namespace pannier::protocol
