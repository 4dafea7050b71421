// The daemon's side of `pannier restore`: makes the caches of a backup ready, and puts entries into them.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "client/cli/backup_format.h"
#include "client/cli/session.h"

namespace pannier::cli {

/// What becomes of entries that are there.
enum class Existing { kRefuse, kClear, kKeep };

struct RestoreCounts {
  std::uint64_t entries = 0;  ///< written
  std::uint64_t bytes = 0;    ///< of their keys and values
  std::uint64_t expired = 0;  ///< past their deadline by now
  std::uint64_t kept = 0;     ///< there already
};

class RestoreTarget {
 public:
  RestoreTarget(Session& session, Existing existing) : session_(session), existing_(existing) {}

  /// Looks at all of them before anything is changed, then opens, alters and clears. Failed (kMiss): one has
  /// entries, or is of another tier.
  void prepare(const std::vector<BackupCache>& caches);
  /// `cache`: the name of the records' cache.
  void put(const std::string& cache, std::span<const BackupRecord> records);
  /// All of it is on disk.
  void finish(const std::vector<BackupCache>& caches);

  const RestoreCounts& counts() const { return counts_; }

 private:
  using Records = std::vector<const BackupRecord*>;

  void check(const BackupCache& cache, const CacheInfo& there);
  void empty(const BackupCache& cache);
  /// Puts them in one pipeline; those for which there was no room yet.
  Records put_once(const std::string& cache, const Records& records);
  void put_all(const std::string& cache, Records records);

  Session& session_;
  Existing existing_;
  RestoreCounts counts_;
};

}  // namespace pannier::cli
