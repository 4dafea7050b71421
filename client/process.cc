#include "client/process.h"

#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <new>

namespace pannier::detail {

namespace {

using Id = std::atomic<pid_t>;

Id* memory_wiped_on_fork() {
  void* const memory =
      ::mmap(nullptr, sizeof(Id), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return nullptr;
  if (::madvise(memory, sizeof(Id), MADV_WIPEONFORK) == 0) return new (memory) Id(0);
  ::munmap(memory, sizeof(Id));
  return nullptr;
}

}  // namespace

std::atomic<pid_t>* const kRememberedProcessId = memory_wiped_on_fork();

pid_t process_id_asked() {
  const pid_t id = ::getpid();
  if (kRememberedProcessId != nullptr) kRememberedProcessId->store(id, std::memory_order_relaxed);
  return id;
}

}  // namespace pannier::detail
