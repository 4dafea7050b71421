// What `pannier backup` and `pannier restore` say in the end about a backup.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "client/cli/backup_format.h"
#include "client/cli/backup_source.h"
#include "client/cli/json_text.h"

namespace pannier::cli {

/// Of a cache, what could not be read.
struct BackupDamage {
  std::string cache;
  std::uint64_t entries = 0;
  std::vector<std::string> keys;  ///< some of them, as far as they are known
  std::string error;
};
std::vector<BackupDamage> damage_of(const std::vector<MissingEntries>& missing,
                                    const std::vector<BackupCache>& caches);

struct BackupReport {
  std::int64_t made_at_ms = 0;
  BackupTotals totals;
  std::uint64_t file_bytes = 0;
  std::uint64_t checksum = 0;
  std::vector<BackupDamage> damage;  ///< known only when it is made
  std::string kept_as;               ///< the file's name, where it is not the one that was asked for
};

/// "3 entries, 1.2 KiB, of 1 cache as of 2026-01-31 12:00:00 UTC (checksum 0123456789abcdef)", and how many
/// could not be read if some could not
std::string text_of(const BackupReport& report);
JsonText json_of(const BackupReport& report);
/// What is missing, a line a cache. Precondition: something is.
std::string damage_text(const BackupReport& report);

}  // namespace pannier::cli
