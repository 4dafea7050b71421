// SyncThread: a thread that syncs a file while the one that wrote it goes on.
#pragma once

#include <atomic>
#include <functional>
#include <thread>

namespace pannier::storage {

class SyncThread {
 public:
  /// `take_turn` is called on the thread first (thread_turn.h).
  explicit SyncThread(void (*take_turn)());
  /// Precondition: what was begun has ended.
  ~SyncThread();
  SyncThread(const SyncThread&) = delete;
  SyncThread& operator=(const SyncThread&) = delete;

  // All for one thread, in this order, as often as it likes.

  /// `sync` is called on the thread; it must live until end().
  void begin(const std::function<void()>& sync);
  /// Waits until `sync` has returned, if it was begun.
  void end();

 private:
  enum class State : int { kIdle, kBegun, kDone, kLeaving };

  void work();
  void change_to(State state);

  std::atomic<State> state_ = State::kIdle;
  const std::function<void()>* sync_ = nullptr;
  std::thread thread_;
};

}  // namespace pannier::storage
