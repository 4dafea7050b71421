#include "daemon/input_buffer.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <new>
#include <utility>

#include "daemon/large_memory.h"

namespace pannier::daemon {
namespace {

/// A buffer that is more than so many times as large as needed is replaced when it is next filled.
constexpr std::size_t kSlackFactorMax = 4;

}  // namespace

InputBuffer::Memory::~Memory() { std::free(start_); }

void InputBuffer::Memory::grow(std::size_t size) {
  void* const grown = std::realloc(start_, size);
  if (grown == nullptr) throw std::bad_alloc();
  start_ = static_cast<char*>(grown);
  expect_filling({start_, size});
}

std::span<char> InputBuffer::room(std::size_t bytes_wanted) {
  if (capacity_ == end_ || begin_ > 0) {
    reserve(std::clamp(bytes_wanted, kStepBytes, std::max(kStepBytes, end_ - begin_) + kAroundValueBytes));
  }
  return {memory_->start() + end_, capacity_ - end_};
}

std::span<char> InputBuffer::grow(std::size_t size) {
  reserve(size);
  filled(size);
  return {memory_->start() + end_ - size, size};
}

void InputBuffer::append(protocol::Bytes bytes) {
  if (!bytes.empty()) std::memcpy(grow(bytes.size()).data(), bytes.data(), bytes.size());
}

void InputBuffer::consume(std::size_t size) {
  begin_ += size;
  if (begin_ == end_) {
    memory_.reset();
    capacity_ = begin_ = end_ = 0;
  } else if (memory_.use_count() > 1) {
    replace(end_ - begin_);
  }
}

std::shared_ptr<const void> InputBuffer::hold(protocol::Bytes part) const {
  const std::less_equal<> is_not_behind;  // of pointers into whatever memory
  const bool is_here = memory_ != nullptr && is_not_behind(start(), part.data()) &&
                       is_not_behind(part.data() + part.size(), memory_->start() + end_);
  return is_here ? memory_ : nullptr;
}

void InputBuffer::reserve(std::size_t size) {
  const std::size_t held = end_ - begin_;
  const std::size_t needed = held + size;
  const bool is_too_large = needed < capacity_ / kSlackFactorMax;
  if (memory_ == nullptr || memory_.use_count() > 1 || is_too_large) return replace(needed);
  if (begin_ > 0) std::memmove(memory_->start(), memory_->start() + begin_, held);
  begin_ = 0;
  end_ = held;
  if (needed <= capacity_) return;
  memory_->grow(needed);
  capacity_ = needed;
}

void InputBuffer::replace(std::size_t size) {
  const std::size_t held = end_ - begin_;
  auto fitting = std::make_shared<Memory>(size);
  if (held > 0) std::memcpy(fitting->start(), start(), held);
  memory_ = std::move(fitting);
  capacity_ = size;
  begin_ = 0;
  end_ = held;
}

}  // namespace pannier::daemon
