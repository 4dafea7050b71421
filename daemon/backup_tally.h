// BackupTally: what of a backup cannot be read. It is told each piece of an image and each end of a cache,
// and finds out how many records are missing: those that the store has noted but not given.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "storage/durable_store.h"

namespace pannier::daemon {

/// What is missing of one cache.
struct MissingRecords {
  std::size_t cache = 0;          ///< its place in the backup
  std::uint64_t records = 0;      ///< those of `keys` included
  std::vector<std::string> keys;  ///< the first that are known, kKeysMax in a backup
  std::string error;              ///< the first
};

class BackupTally {
 public:
  static constexpr std::size_t kKeysMax = 100;

  /// Of the cache that is being read.
  void add(const storage::ImagePiece& piece);
  /// It has been read. `disk_entries`: what the store says that it has.
  void end_cache(std::size_t cache, std::uint64_t disk_entries);
  /// Of the caches that have ended, those of which something is missing.
  const std::vector<MissingRecords>& missing() const { return missing_; }

 private:
  std::vector<MissingRecords> missing_;
  std::size_t keys_ = 0;
  MissingRecords present_;  // of the cache that is being read; without its numbers
  bool is_damaged_ = false;
  std::uint64_t given_ = 0;
  std::uint64_t known_ = 0;  // to be missing
};

}  // namespace pannier::daemon
