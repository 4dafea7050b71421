// InputBuffer keeps the bytes of one connection that have arrived and were not taken yet: as a rule the
// beginning of one message. It grows with what arrives, not with what is announced, and holds no memory when
// it is empty. A large message can be kept beyond the time it was taken, without a copy: see hold().
#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include "protocol/bytes.h"

namespace pannier::daemon {

class InputBuffer {
 public:
  /// Growth at a time, unless doubling is more.
  static constexpr std::size_t kStepBytes = std::size_t{64} << 10;
  /// What a message may have around a value: so much more, and one of a round size fits where it has doubled.
  static constexpr std::size_t kAroundValueBytes = std::size_t{4} << 10;

  bool is_empty() const { return begin_ == end_; }
  protocol::Bytes bytes() const { return {start(), end_ - begin_}; }
  /// What it costs.
  std::size_t capacity_bytes() const { return capacity_; }

  /// Room for further bytes: `bytes_wanted` of them (what the message lacks, as far as that is known), but at
  /// most as many as are there already (or kStepBytes) and kAroundValueBytes, and at least kStepBytes. Valid
  /// until the next call of anything but bytes() and hold().
  std::span<char> room(std::size_t bytes_wanted);
  /// The first `size` bytes of that room were filled.
  void filled(std::size_t size) { end_ += size; }
  /// `size` bytes more, which are to be written at once. Valid as those of room().
  std::span<char> grow(std::size_t size);
  void append(protocol::Bytes bytes);
  /// Takes the first `size` bytes away.
  void consume(std::size_t size);
  void clear() { consume(end_ - begin_); }
  /// Takes all but the first `size` bytes away. Precondition: nothing is held.
  void keep(std::size_t size) { end_ = begin_ + size; }

  /// `part`, of which bytes() must have all, stays where it is and as it is for as long as what is answered
  /// lives, whatever becomes of this buffer. Null if it is not of this buffer.
  std::shared_ptr<const void> hold(protocol::Bytes part) const;

 private:
  /// Memory of malloc's, because what is large grows there without a copy.
  class Memory {
   public:
    explicit Memory(std::size_t size) { grow(size); }
    ~Memory();
    Memory(const Memory&) = delete;
    Memory& operator=(const Memory&) = delete;

    char* start() const { return start_; }
    void grow(std::size_t size);

   private:
    char* start_ = nullptr;
  };

  char* start() const { return memory_ == nullptr ? nullptr : memory_->start() + begin_; }
  /// So that `size` bytes fit behind what is there, in memory that is not much larger than needed.
  void reserve(std::size_t size);
  /// What is there, in memory of its own of this size.
  void replace(std::size_t size);

  std::shared_ptr<Memory> memory_;
  std::size_t capacity_ = 0;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

}  // namespace pannier::daemon
