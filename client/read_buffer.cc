#include "client/read_buffer.h"

#include <algorithm>
#include <cstring>

namespace pannier::detail {

std::span<char> ReadBuffer::prepare(std::size_t size) {
  if (storage_.size() - end_ < size && begin_ > 0) {
    std::memmove(storage_.data(), storage_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  if (storage_.size() - end_ < size) storage_.resize(std::max(end_ + size, storage_.size() * 2));
  return std::span(storage_).subspan(end_);
}

void ReadBuffer::consume(std::size_t size) {
  begin_ += size;
  if (begin_ < end_) return;
  begin_ = end_ = 0;
  if (storage_.size() > kKeptBytesMax) std::vector<char>().swap(storage_);
}

}  // namespace pannier::detail
