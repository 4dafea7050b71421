// Background runs work that is too long for one pass of the loop (clears, walks) in small steps, and work
// that is to be tried again later. It has no thread and no timer: housekeeper.h calls it when it is due.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>

#include "storage/types.h"

namespace pannier::daemon {

/// About how many entries one step of anything may look at: about a quarter of a millisecond if none of them
/// is in the processor's caches.
inline constexpr std::uint64_t kVisitsPerStep = 500;

class BackgroundTask {
 public:
  virtual ~BackgroundTask() = default;
  /// Does about kVisitsPerStep's worth. When to call it again (`now` for the next pass); kNever: it is done,
  /// or goes on by a callback of its own.
  virtual storage::TimeMs step(storage::TimeMs now) = 0;
};

class Background {
 public:
  /// The task is kept until a step answers kNever.
  void add(storage::TimeMs due, std::shared_ptr<BackgroundTask> task);
  /// One step of every task that is due, in turn, as long as `has_time` says so, which is asked after each:
  /// those that are left are first in the next call.
  void step(storage::TimeMs now, const std::function<bool()>& has_time);
  /// Whatever is to come later is due now.
  void hasten(storage::TimeMs now);
  /// kNever if there is no task.
  storage::TimeMs next_due() const;

 private:
  std::multimap<storage::TimeMs, std::shared_ptr<BackgroundTask>> tasks_;
};

}  // namespace pannier::daemon
