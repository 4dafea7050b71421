// A bucket of an index, and which home a hash belongs to: what the index and those who read it from another
// process have in common.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "storage/arena_layout.h"
#include "storage/cache_record.h"

namespace pannier::storage {

struct IndexBucket {
  static constexpr std::uint32_t kSlots = 12;
  /// A home is so many, side by side.
  static constexpr std::uint32_t kHome = 2;
  /// As `overflow`, in the first of a home: the chain goes on in the second.
  static constexpr Ref kBeside = 1U << 31;

  // Of homes.
  static constexpr std::uint64_t kPerSegment = kBlockBytes / kBucketBytes / kHome;
  static constexpr std::uint64_t kSegmentsPerLeaf = kBlockBytes / sizeof(Ref);
  static constexpr std::uint64_t kMax = IndexHead::kLeaves * kSegmentsPerLeaf * kPerSegment;

  std::array<Ref, kSlots> refs;
  std::array<std::uint32_t, kSlots / 4> tags;  ///< a byte each; 0: free
  Ref overflow;                                ///< kNoRef: none, the chain ends

  /// A bit a slot that has the tag.
  std::uint32_t matches(std::uint8_t tag) const;
};
static_assert(sizeof(IndexBucket) == kBucketBytes);

inline std::uint8_t tag_of(std::uint64_t hash) {
  const auto tag = static_cast<std::uint8_t>(hash >> 56);
  return tag == 0 ? 1 : tag;
}

/// Precondition: homes > 0.
inline std::uint64_t home_number(std::uint64_t hash, std::uint64_t homes) {
  const auto bits = static_cast<unsigned>(std::bit_width(homes)) - 1;
  const std::uint64_t wide = hash & ((std::uint64_t{2} << bits) - 1);
  return wide < homes ? wide : wide & ((std::uint64_t{1} << bits) - 1);
}

#if defined(__SSE2__)
inline std::uint32_t IndexBucket::matches(std::uint8_t tag) const {
  // The tags and the overflow ref behind them, whose four bytes do not count.
  const __m128i all = _mm_loadu_si128(reinterpret_cast<const __m128i*>(tags.data()));
  const __m128i equal = _mm_cmpeq_epi8(all, _mm_set1_epi8(static_cast<char>(tag)));
  return static_cast<std::uint32_t>(_mm_movemask_epi8(equal)) & ((1U << kSlots) - 1);
}
#else
inline std::uint32_t IndexBucket::matches(std::uint8_t tag) const {
  constexpr std::uint64_t kLowBits = 0x0101010101010101;
  constexpr std::uint64_t kHighBits = 0x8080808080808080;
  // The high bit of each byte that is zero, and of no other.
  const auto zero_bytes = [](std::uint64_t bytes) {
    return ~(((bytes & ~kHighBits) + ~kHighBits) | bytes | ~kHighBits);
  };
  // Bit i from the high bit of byte i.
  const auto gathered = [](std::uint64_t high_bits) {
    return static_cast<std::uint32_t>(((high_bits >> 7) * 0x0102040810204080) >> 56);
  };
  const std::uint64_t wanted = kLowBits * tag;
  std::uint64_t low = 0;
  std::memcpy(&low, tags.data(), sizeof low);
  // The absent upper half must not match: its bytes differ from every tag.
  const std::uint64_t high = tags[2] | (~wanted & 0xffffffff00000000);
  return gathered(zero_bytes(low ^ wanted)) | gathered(zero_bytes(high ^ wanted)) << 8;
}
#endif

}  // namespace pannier::storage
