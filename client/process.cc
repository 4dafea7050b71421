#include "client/process.h"

#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <new>

namespace pannier::detail {

namespace {

using Id = std::atomic<pid_t>;

// Memory that the kernel gives to a child as zeros, however it is forked; nullptr where it cannot (before
// Linux 4.14).
Id* memory_wiped_on_fork() {
  void* const memory =
      ::mmap(nullptr, sizeof(Id), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return nullptr;
  if (::madvise(memory, sizeof(Id), MADV_WIPEONFORK) == 0) return new (memory) Id(0);
  ::munmap(memory, sizeof(Id));
  return nullptr;
}

// Nullptr also for what runs before this is initialized.
Id* const remembered = memory_wiped_on_fork();

}  // namespace

pid_t process_id() {
  if (!remembered) return ::getpid();
  pid_t id = remembered->load(std::memory_order_relaxed);
  if (id == 0) {
    id = ::getpid();
    remembered->store(id, std::memory_order_relaxed);
  }
  return id;
}

}  // namespace pannier::detail
