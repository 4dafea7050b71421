#include "storage/sync_thread.h"

#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

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

/// The calling thread takes the processor from others when it wakes, because it asks for it for less time:
/// else it would wait until the one whose writing it is to sync has done the rest of its work, on a machine
/// of few processors. Where the system does not know of that, or another way of scheduling was chosen for the
/// process, it stays as it is.
void go_before_others() {
  Scheduling scheduling;
  if (::syscall(SYS_sched_getattr, 0, &scheduling, sizeof scheduling, 0) != 0) return;
  if (scheduling.policy != SCHED_OTHER) return;
  scheduling.turn_ns = 100'000;
  ::syscall(SYS_sched_setattr, 0, &scheduling, 0);
}

}  // namespace

SyncThread::SyncThread() : thread_([this] { work(); }) {}

SyncThread::~SyncThread() {
  change_to(State::kLeaving);
  thread_.join();
}

void SyncThread::begin(const std::function<void()>& sync) {
  sync_ = &sync;
  change_to(State::kBegun);
}

void SyncThread::end() {
  state_.wait(State::kBegun);
  // Not told to the thread, which has nothing to do yet.
  state_ = State::kIdle;
}

void SyncThread::work() {
  go_before_others();
  for (State state = state_; state != State::kLeaving; state = state_) {
    if (state != State::kBegun) {
      state_.wait(state);
      continue;
    }
    (*sync_)();
    change_to(State::kDone);
  }
}

void SyncThread::change_to(State state) {
  state_ = state;
  state_.notify_one();
}

}  // namespace pannier::storage
