#include "daemon/backups.h"

#include <algorithm>
#include <utility>

namespace pannier::daemon {

using storage::TimeMs;

class Backups::Watch final : public BackgroundTask {
 public:
  explicit Watch(Backups& backups) : backups_(backups) {}
  TimeMs step(TimeMs now) override { return backups_.end_idle(now); }

 private:
  Backups& backups_;
};

Backups::Backups(DiskWorker& disk, Background& background, const Clock& clock)
    : disk_(disk), background_(background), clock_(clock) {}

std::shared_ptr<Backup> Backups::reserve(ConnectionId connection) {
  end(connection);
  auto backup = std::make_shared<Backup>();
  backup->used_at = clock_.now();
  backups_[connection] = backup;
  return backup;
}

std::shared_ptr<Backup> Backups::find(ConnectionId connection) const {
  const auto found = backups_.find(connection);
  return found != backups_.end() && found->second->image ? found->second : nullptr;
}

bool Backups::is_current(ConnectionId connection, const std::shared_ptr<Backup>& backup) const {
  const auto found = backups_.find(connection);
  return found != backups_.end() && found->second == backup;
}

void Backups::fill(const std::shared_ptr<Backup>& backup, DiskWorker::Image image) {
  backup->image = std::move(image);
  backup->used_at = clock_.now();
  if (std::exchange(is_watching_, true)) return;
  background_.add(backup->used_at + kIdleMsMax, std::make_shared<Watch>(*this));
}

void Backups::end(ConnectionId connection) {
  const auto found = backups_.find(connection);
  if (found == backups_.end()) return;
  let_go(*found->second);
  backups_.erase(found);
}

void Backups::let_go(Backup& backup) {
  if (backup.image) disk_.close_image(std::exchange(backup.image, nullptr));
}

TimeMs Backups::end_idle(TimeMs now) {
  TimeMs next = storage::kNever;
  for (auto at = backups_.begin(); at != backups_.end();) {
    Backup& backup = *at->second;
    const TimeMs due = backup.used_at + kIdleMsMax;
    if (backup.image && !backup.is_reading && due <= now) {
      let_go(backup);
      at = backups_.erase(at);
      continue;
    }
    if (backup.image) next = std::min(next, std::max(due, now + 1'000));
    ++at;
  }
  is_watching_ = next != storage::kNever;
  return next;
}

}  // namespace pannier::daemon
