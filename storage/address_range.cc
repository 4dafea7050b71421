#include "storage/address_range.h"

#include <sys/mman.h>

namespace pannier::storage {
namespace {

/// The smallest that a mapping can end at.
constexpr std::uint64_t kSystemPageBytes = 4'096;

void* reserve(std::uint64_t bytes) {
  const std::uint64_t wanted = bytes + kHugePageBytes;
  void* const all = mmap(nullptr, wanted, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (all == MAP_FAILED) return all;
  const auto begin = reinterpret_cast<std::uintptr_t>(all);
  const std::uintptr_t before = (kHugePageBytes - begin % kHugePageBytes) % kHugePageBytes;
  char* const first = static_cast<char*>(all) + before;
  if (before > 0) munmap(all, before);
  const std::uint64_t whole = (bytes + kSystemPageBytes - 1) / kSystemPageBytes * kSystemPageBytes;
  munmap(first + whole, wanted - before - whole);
  return first;
}

}  // namespace

void* map_aligned(std::uint64_t bytes, int protection, int flags, int fd) {
  void* const range = reserve(bytes);
  if (range == MAP_FAILED) return range;
  return mmap(range, bytes, protection, flags | MAP_FIXED, fd, 0);
}

}  // namespace pannier::storage
