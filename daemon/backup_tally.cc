#include "daemon/backup_tally.h"

#include <algorithm>
#include <utility>

namespace pannier::daemon {

void BackupTally::add(const storage::ImagePiece& piece) {
  given_ += piece.records.size();
  for (const storage::Unreadable& unreadable : piece.unreadable) {
    if (!std::exchange(is_damaged_, true)) present_.error = unreadable.error.text;
    if (!unreadable.key) continue;
    ++known_;
    if (keys_ == kKeysMax) continue;
    ++keys_;
    present_.keys.push_back(*unreadable.key);
  }
}

void BackupTally::end_cache(std::size_t cache, std::uint64_t disk_entries) {
  MissingRecords ended = std::exchange(present_, {});
  ended.cache = cache;
  ended.records = std::max(known_, disk_entries - std::min(given_, disk_entries));
  // What cannot be read may be of another cache beside it, or long since superseded.
  if (std::exchange(is_damaged_, false) && ended.records > 0) missing_.push_back(std::move(ended));
  given_ = 0;
  known_ = 0;
}

}  // namespace pannier::daemon
