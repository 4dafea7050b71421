#include "storage/page_classes.h"

#include <algorithm>
#include <bit>

#include "storage/entry.h"

namespace pannier::storage {
namespace {

constexpr std::uint32_t kFineEnd = 160;    ///< 4 bytes apart below it
constexpr std::uint32_t kMiddleEnd = 320;  ///< 8 bytes apart below it

std::uint32_t next_size(std::uint32_t size) {
  if (size < kFineEnd) return size + 4;
  if (size < kMiddleEnd) return size + 8;
  return (size + size / 16) / 4 * 4;
}

}  // namespace

PageClasses::PageClasses(std::uint64_t page_bytes) {
  const auto page = static_cast<std::uint32_t>(page_bytes);
  const auto add = [&](std::uint8_t number, std::uint32_t bytes) {
    slot_bytes_[number] = bytes;
    slots_[number] = page / bytes;
  };
  add(kBlockClass, kBlockBytes);
  add(kBucketClass, kBucketBytes);
  count_ = kFirstEntryClass;
  const std::uint32_t largest = page / 8;
  std::uint32_t before = 0;
  for (std::uint32_t size = kEntryBytesMin;; size = next_size(size)) {
    const std::uint32_t slots = page / std::min(size, largest);
    const std::uint32_t widened = std::min(page / slots / 4 * 4, largest);
    if (widened == before) continue;
    add(count_++, widened);
    before = widened;
    if (widened == largest) break;
  }
  std::uint8_t number = kFirstEntryClass;
  for (std::uint32_t granules = 0; granules * 4 <= largest; ++granules) {
    while (slot_bytes_[number] < granules * 4) ++number;
    by_granules_[granules] = number;
  }
}

unsigned PageClasses::page_shift_for(std::uint64_t arena_bytes) {
  constexpr std::uint64_t kPagesWanted = 1'024;
  const auto shift = static_cast<unsigned>(std::bit_width(arena_bytes / kPagesWanted)) - 1;
  const unsigned usual = std::clamp(shift, 12U, 16U);
  return (arena_bytes >> usual) > kPagesMax ? 17 : usual;
}

}  // namespace pannier::storage
