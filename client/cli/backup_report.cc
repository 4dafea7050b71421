#include "client/cli/backup_report.h"

#include <cinttypes>
#include <cstdio>

#include "client/cli/human.h"

namespace pannier::cli {

namespace {

std::string hex_of(std::uint64_t checksum) {
  char text[17];
  std::snprintf(text, sizeof(text), "%016" PRIx64, checksum);
  return text;
}

}  // namespace

std::string text_of(const BackupReport& report) {
  return human_count(report.totals.records, "entry", "entries") + ", " + human_bytes(report.totals.bytes) +
         ", of " + human_count(report.totals.caches, "cache", "caches") + " as of " +
         human_time(report.made_at_ms) + " (checksum " + hex_of(report.checksum) + ")";
}

JsonText json_of(const BackupReport& report) {
  return JsonText::object({{"time_ms", report.made_at_ms},
                           {"caches", report.totals.caches},
                           {"entries", report.totals.records},
                           {"bytes", report.totals.bytes},
                           {"file_bytes", report.file_bytes},
                           {"checksum", JsonText::string(hex_of(report.checksum))}});
}

}  // namespace pannier::cli
