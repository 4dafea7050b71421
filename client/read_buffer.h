// ReadBuffer: bytes that have arrived and are not used yet, in one piece. Grows to what it is asked for, and
// gives back what a large message needed. Views of its contents last until the next prepare() or consume().
#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

namespace pannier::detail {

class ReadBuffer {
 public:
  std::string_view unused() const { return {storage_.data() + begin_, end_ - begin_}; }
  /// Room for at least `size` more bytes, to be filled from its start; then commit() says how many it were.
  std::span<char> prepare(std::size_t size);
  void commit(std::size_t size) { end_ += size; }
  /// Forgets the first `size` bytes.
  void consume(std::size_t size);

 private:
  /// An empty buffer that is larger is given back.
  static constexpr std::size_t kKeptBytesMax = std::size_t{1} << 20;

  std::vector<char> storage_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

}  // namespace pannier::detail
