#include "daemon/large_memory.h"

#include <sys/mman.h>

#include <cstddef>
#include <memory>

namespace pannier::daemon {
namespace {

constexpr std::size_t kHugePageBytes = std::size_t{2} << 20;

}  // namespace

void expect_filling(std::span<char> memory) {
  void* start = memory.data();
  std::size_t bytes = memory.size();
  if (std::align(kHugePageBytes, 2 * kHugePageBytes, start, bytes) == nullptr) return;
  // Only advice: a system that does not follow it is slower.
  ::madvise(start, bytes - bytes % kHugePageBytes, MADV_HUGEPAGE);
}

}  // namespace pannier::daemon
