// PageClasses: the sizes that the slots of a page may have. They follow from the size of the pages alone.
//
// The smallest are 4 bytes apart, then 8, then 6 %, and each is widened until its slots fill the page; the
// largest is an eighth of a page. A closer spacing wastes less in a slot, and costs a page a class that is
// never full.
#pragma once

#include <array>
#include <cstdint>

#include "storage/arena_layout.h"

namespace pannier::storage {

class PageClasses {
 public:
  explicit PageClasses(std::uint64_t page_bytes);

  /// Classes are numbered from 1 to count() - 1; see arena_layout.h for the first two.
  std::uint8_t count() const { return count_; }
  std::uint32_t slot_bytes(std::uint8_t number) const { return slot_bytes_[number]; }
  std::uint32_t slots(std::uint8_t number) const { return slots_[number]; }
  /// The smallest entry class with slots of at least `bytes`. Precondition: bytes <= largest_bytes().
  std::uint8_t class_for(std::uint64_t bytes) const { return by_granules_[(bytes + 3) / 4]; }
  std::uint64_t largest_bytes() const { return slot_bytes_[count_ - 1]; }

  /// Arenas of less than 64 MiB have smaller pages, so that there are enough of them; 32 GiB have larger
  /// ones, so that refs reach.
  static unsigned page_shift_for(std::uint64_t arena_bytes);

 private:
  static constexpr std::size_t kGranulesMax = (std::size_t{1} << 14) / 4 + 1;

  std::uint8_t count_ = 0;
  std::array<std::uint32_t, kClassesMax> slot_bytes_{};
  std::array<std::uint32_t, kClassesMax> slots_{};
  std::array<std::uint8_t, kGranulesMax> by_granules_{};
};

}  // namespace pannier::storage
