#include "storage/sync_thread.h"

namespace pannier::storage {

SyncThread::SyncThread(void (*take_turn)())
    : thread_([this, take_turn] {
        take_turn();
        work();
      }) {}

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
