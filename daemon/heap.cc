#include "daemon/heap.h"

#include <malloc.h>

#include <cstdlib>

namespace pannier::daemon {

void keep_freed_memory() {
  constexpr int kKeptBytes = 64 << 20;
  constexpr int kMappedBytesMin = 32 << 20;  // the highest that glibc takes
  mallopt(M_TRIM_THRESHOLD, kKeptBytes);
  mallopt(M_MMAP_THRESHOLD, kMappedBytesMin);
}

void widen_heap(std::size_t bytes) {
  void* volatile memory = std::malloc(bytes);
  std::free(memory);
}

}  // namespace pannier::daemon
