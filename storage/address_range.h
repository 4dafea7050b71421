// Maps memory at an address at which a huge page can begin.
#pragma once

#include <cstdint>

namespace pannier::storage {

inline constexpr std::uint64_t kHugePageBytes = std::uint64_t{2} << 20;

/// mmap() of a whole file from its beginning, at a multiple of kHugePageBytes. MAP_FAILED, with errno, as
/// mmap().
void* map_aligned(std::uint64_t bytes, int protection, int flags, int fd);

}  // namespace pannier::storage
