#include "storage/thread_turn.h"

#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>

namespace pannier::storage {

namespace {

/// As the kernel has it (sched_setattr(2)).
struct Scheduling {
  std::uint32_t size = 48;
  std::uint32_t policy = SCHED_OTHER;
  std::uint64_t flags = 0;
  std::int32_t nice = 0;
  std::uint32_t priority = 0;
  std::uint64_t turn_ns = 0;
  std::uint64_t deadline_ns = 0;
  std::uint64_t period_ns = 0;
};

}  // namespace

void give_way() {
  constexpr int kNicer = 5;
  const sched_param parameters{};
  sched_setscheduler(0, SCHED_BATCH, &parameters);
  // Of this thread alone, in Linux.
  setpriority(PRIO_PROCESS, 0, std::min(getpriority(PRIO_PROCESS, 0) + kNicer, 19));
}

void go_before_others() {
  Scheduling scheduling;
  if (::syscall(SYS_sched_getattr, 0, &scheduling, sizeof scheduling, 0) != 0) return;
  if (scheduling.policy != SCHED_OTHER) return;
  scheduling.turn_ns = 100'000;
  ::syscall(SYS_sched_setattr, 0, &scheduling, 0);
}

}  // namespace pannier::storage
