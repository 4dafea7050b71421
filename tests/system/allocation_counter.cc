// Stands before the C library's malloc in a process that is started with LD_PRELOAD, and counts what its main
// thread takes: each call of malloc, calloc, realloc, aligned_alloc and posix_memalign, and so each `new`.
// The count, 64 bits in the machine's order, is the beginning of the file that $PANNIER_ALLOCATION_COUNT
// names, which must have as many bytes.

#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdlib>

extern "C" {
// The C library's own, by the names that it has for whoever replaces them.
void* __libc_malloc(std::size_t size);
void* __libc_calloc(std::size_t count, std::size_t size);
void* __libc_realloc(void* memory, std::size_t size);
void* __libc_memalign(std::size_t alignment, std::size_t size);
}

namespace {

std::uint64_t* allocations = nullptr;
pthread_t main_thread;

[[gnu::constructor]] void start_counting() {
  const char* const path = std::getenv("PANNIER_ALLOCATION_COUNT");
  if (path == nullptr) return;
  const int file = ::open(path, O_RDWR | O_CLOEXEC);
  void* const mapped = ::mmap(nullptr, sizeof *allocations, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  ::close(file);
  if (mapped == MAP_FAILED) std::abort();
  main_thread = ::pthread_self();
  allocations = static_cast<std::uint64_t*>(mapped);
}

void count() {
  if (allocations != nullptr && ::pthread_equal(::pthread_self(), main_thread) != 0) ++*allocations;
}

}  // namespace

extern "C" {

void* malloc(std::size_t size) noexcept {
  count();
  return __libc_malloc(size);
}

void* calloc(std::size_t items, std::size_t size) noexcept {
  count();
  return __libc_calloc(items, size);
}

void* realloc(void* memory, std::size_t size) noexcept {
  count();
  return __libc_realloc(memory, size);
}

void* aligned_alloc(std::size_t alignment, std::size_t size) noexcept {
  count();
  return __libc_memalign(alignment, size);
}

int posix_memalign(void** memory, std::size_t alignment, std::size_t size) noexcept {
  count();
  *memory = __libc_memalign(alignment, size);
  return *memory == nullptr ? ENOMEM : 0;
}

}  // extern "C"
