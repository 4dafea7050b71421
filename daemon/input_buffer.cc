#include "daemon/input_buffer.h"

#include <algorithm>
#include <cstring>

namespace pannier::daemon {
namespace {

/// A buffer that is more than so many times as large as needed is replaced when it is next filled.
constexpr std::size_t kSlackFactorMax = 4;

}  // namespace

std::span<char> InputBuffer::room(std::size_t bytes_wanted) {
  if (capacity_ == end_ || begin_ > 0) {
    reserve(std::clamp(bytes_wanted, kStepBytes, std::max(kStepBytes, end_ - begin_)));
  }
  return {memory_.get() + end_, capacity_ - end_};
}

void InputBuffer::append(protocol::Bytes bytes) {
  if (bytes.empty()) return;
  reserve(bytes.size());
  std::memcpy(memory_.get() + end_, bytes.data(), bytes.size());
  filled(bytes.size());
}

void InputBuffer::consume(std::size_t size) {
  begin_ += size;
  if (begin_ < end_) return;
  memory_.reset();
  capacity_ = begin_ = end_ = 0;
}

void InputBuffer::reserve(std::size_t size) {
  const std::size_t held = end_ - begin_;
  const std::size_t needed = held + size;
  if (needed > capacity_ || needed < capacity_ / kSlackFactorMax) {
    std::unique_ptr<char[]> fitting(new char[needed]);
    if (held > 0) std::memcpy(fitting.get(), memory_.get() + begin_, held);
    memory_ = std::move(fitting);
    capacity_ = needed;
  } else if (begin_ > 0) {
    std::memmove(memory_.get(), memory_.get() + begin_, held);
  }
  begin_ = 0;
  end_ = held;
}

}  // namespace pannier::daemon
