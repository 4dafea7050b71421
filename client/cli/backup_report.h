// What `pannier backup` and `pannier restore` say in the end about a backup.
#pragma once

#include <cstdint>
#include <string>

#include "client/cli/backup_format.h"
#include "client/cli/json_text.h"

namespace pannier::cli {

struct BackupReport {
  std::int64_t made_at_ms = 0;
  BackupTotals totals;
  std::uint64_t file_bytes = 0;
  std::uint64_t checksum = 0;
};

/// "3 entries, 1.2 KiB, of 1 cache as of 2026-01-31 12:00:00 UTC (checksum 0123456789abcdef)"
std::string text_of(const BackupReport& report);
JsonText json_of(const BackupReport& report);

}  // namespace pannier::cli
