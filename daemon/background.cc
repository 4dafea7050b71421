#include "daemon/background.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace pannier::daemon {

using storage::TimeMs;

void Background::add(TimeMs due, std::shared_ptr<BackgroundTask> task) {
  tasks_.emplace(due, std::move(task));
}

void Background::step(TimeMs now, const std::function<bool()>& has_time) {
  // Counted before: a step may add tasks, and one that is due again at once waits for the next pass. Both
  // stand behind those that are due now.
  auto due = std::distance(tasks_.begin(), tasks_.upper_bound(now));
  for (; due > 0; --due) {
    const std::shared_ptr<BackgroundTask> task = std::move(tasks_.begin()->second);
    tasks_.erase(tasks_.begin());
    const TimeMs again = task->step(now);
    if (again != storage::kNever) add(again, task);
    if (!has_time()) return;
  }
}

void Background::hasten(TimeMs now) {
  for (auto& [due, task] : std::exchange(tasks_, {})) add(std::min(due, now), std::move(task));
}

TimeMs Background::next_due() const { return tasks_.empty() ? storage::kNever : tasks_.begin()->first; }

}  // namespace pannier::daemon
