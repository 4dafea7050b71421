#include "daemon/background.h"

#include <utility>
#include <vector>

namespace pannier::daemon {

using storage::TimeMs;

void Background::add(TimeMs due, std::shared_ptr<BackgroundTask> task) {
  tasks_.emplace(due, std::move(task));
}

void Background::step(TimeMs now) {
  // Taken out first: a step may add tasks, and one that is due again at once waits for the next pass.
  std::vector<std::shared_ptr<BackgroundTask>> due;
  const auto end = tasks_.upper_bound(now);
  for (auto one = tasks_.begin(); one != end; ++one) due.push_back(std::move(one->second));
  tasks_.erase(tasks_.begin(), end);
  for (auto& task : due) {
    const TimeMs again = task->step(now);
    if (again != storage::kNever) add(again, std::move(task));
  }
}

TimeMs Background::next_due() const { return tasks_.empty() ? storage::kNever : tasks_.begin()->first; }

}  // namespace pannier::daemon
