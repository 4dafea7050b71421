#include "client/cli/backup_report.h"

#include <cinttypes>
#include <cstdio>
#include <utility>

#include "client/cli/human.h"
#include "client/cli/json_value.h"

namespace pannier::cli {

namespace {

std::string hex_of(std::uint64_t checksum) {
  char text[17];
  std::snprintf(text, sizeof(text), "%016" PRIx64, checksum);
  return text;
}

JsonText json_of(const BackupDamage& damage) {
  std::vector<JsonText> keys;
  for (const auto& key : damage.keys) keys.push_back(key_json(key));
  return JsonText::object({{"cache", JsonText::string(damage.cache)},
                           {"entries", damage.entries},
                           {"keys", JsonText::array(keys)},
                           {"error", JsonText::string(damage.error)}});
}

std::string line_of(const BackupDamage& damage) {
  std::string text = "\n  " + human_count(damage.entries, "entry", "entries") + " of cache " + damage.cache;
  for (const auto& key : damage.keys)
    text += (&key == damage.keys.data() ? ", among them " : ", ") + key_json(key).text();
  return text + ": " + damage.error;
}

}  // namespace

std::vector<BackupDamage> damage_of(const std::vector<MissingEntries>& missing,
                                    const std::vector<BackupCache>& caches) {
  std::vector<BackupDamage> damage;
  for (const auto& one : missing) {
    if (one.cache >= caches.size())
      throw ProtocolError("the daemon misses entries of a cache that is not backed up");
    damage.push_back({caches[one.cache].name, one.entries, one.keys, one.error});
  }
  return damage;
}

std::string text_of(const BackupReport& report) {
  return human_count(report.totals.records, "entry", "entries") + ", " + human_bytes(report.totals.bytes) +
         ", of " + human_count(report.totals.caches, "cache", "caches") + " as of " +
         human_time(report.made_at_ms) + " (checksum " + hex_of(report.checksum) + ")" +
         (report.totals.missing == 0 ? ""
                                     : "; without " + human_count(report.totals.missing, "entry", "entries") +
                                           " that could not be read");
}

JsonText json_of(const BackupReport& report) {
  std::vector<std::pair<const char*, JsonText>> fields{
      {"time_ms", report.made_at_ms},
      {"caches", report.totals.caches},
      {"entries", report.totals.records},
      {"missing", report.totals.missing},
      {"bytes", report.totals.bytes},
      {"file_bytes", report.file_bytes},
      {"checksum", JsonText::string(hex_of(report.checksum))}};
  if (!report.damage.empty()) {
    std::vector<JsonText> damage;
    for (const auto& one : report.damage) damage.push_back(json_of(one));
    fields.emplace_back("damage", JsonText::array(damage));
  }
  if (!report.kept_as.empty()) fields.emplace_back("kept_as", JsonText::string(report.kept_as));
  return JsonText::object(fields);
}

std::string damage_text(const BackupReport& report) {
  std::string text = "the backup is incomplete: what the daemon could not read is missing from it.";
  if (!report.kept_as.empty()) text += " It does not replace the one that is there: it is " + report.kept_as;
  for (const auto& damage : report.damage) text += line_of(damage);
  return text;
}

}  // namespace pannier::cli
