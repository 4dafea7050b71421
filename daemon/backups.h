// Backups: the images of the durable tier that clients are reading, one a connection. Holds them, bounds how
// many there are and how long one may lie unused; the methods `backup` and `backup_next` fill and read them.
//
// An image keeps what is erased or overwritten meanwhile from being taken back on disk, so each ends: after
// its last piece, with its connection, when its client begins another, or when it was not read for
// kIdleMsMax.
//
// Loop thread only.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "daemon/background.h"
#include "daemon/backup_tally.h"
#include "daemon/clock.h"
#include "daemon/disk_worker.h"
#include "daemon/dispatcher.h"
#include "storage/settings.h"
#include "storage/write_back.h"

namespace pannier::daemon {

/// A durable cache as it was at the moment of the image.
struct BackedUpCache {
  storage::CacheId id = 0;
  std::string name;
  storage::Settings settings;
  std::uint64_t entries = 0;
  std::vector<storage::ClearedRange> cleared;  ///< what was on its way out then
};

/// One image, and how far its client has read it. A piece lies in one cache.
struct Backup {
  /// Where a piece begins, and what is missing before.
  struct Place {
    std::size_t cache = 0;  ///< position in `caches`
    std::string from_key;
    BackupTally tally;
  };

  storage::TimeMs made_at = 0;
  std::vector<BackedUpCache> caches;
  DiskWorker::Image image;
  std::uint64_t piece = 0;  ///< the number of the piece that begins at `place`
  Place place;
  std::optional<Place> next;  ///< where the one after it begins, once it was read
  bool is_reading = false;
  storage::TimeMs used_at = 0;
};

class Backups {
 public:
  static constexpr std::size_t kBackupsMax = 4;
  /// Those of them that no user who is bounded takes: else one could keep the operator's backup out.
  static constexpr std::size_t kKeptPlaces = 1;
  static constexpr storage::TimeMs kIdleMsMax = 60'000;

  /// All are borrowed and must outlive it, and its images the store that `disk` works on.
  Backups(DiskWorker& disk, Background& background, const Clock& clock);
  Backups(const Backups&) = delete;
  Backups& operator=(const Backups&) = delete;

  /// How many there may be for one who begins a backup.
  static std::size_t places(bool is_bounded) { return kBackupsMax - (is_bounded ? kKeptPlaces : 0); }
  /// Whether no other connection may begin a backup. Those that have begun count from reserve() on.
  bool is_full(bool is_bounded) const { return backups_.size() >= places(is_bounded); }
  bool has(ConnectionId connection) const { return backups_.contains(connection); }
  /// Takes a place; what the connection had is gone. The image comes later: fill().
  std::shared_ptr<Backup> reserve(ConnectionId connection);
  /// The connection's, if it has an image.
  std::shared_ptr<Backup> find(ConnectionId connection) const;
  /// Whether it is still the connection's.
  bool is_current(ConnectionId connection, const std::shared_ptr<Backup>& backup) const;
  void fill(const std::shared_ptr<Backup>& backup, DiskWorker::Image image);
  void end(ConnectionId connection);

 private:
  class Watch;

  void let_go(Backup& backup);
  /// Ends those that lie unused; when to look again, kNever if there are none.
  storage::TimeMs end_idle(storage::TimeMs now);

  DiskWorker& disk_;
  Background& background_;
  const Clock& clock_;
  std::map<ConnectionId, std::shared_ptr<Backup>> backups_;
  bool is_watching_ = false;
};

}  // namespace pannier::daemon
