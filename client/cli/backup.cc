// pannier backup
#include <cstdio>
#include <string>
#include <variant>
#include <vector>

#include "client/cli/backup_file.h"
#include "client/cli/backup_format.h"
#include "client/cli/backup_report.h"
#include "client/cli/backup_source.h"
#include "client/cli/command.h"
#include "client/cli/human.h"
#include "client/cli/progress.h"

namespace pannier::cli {

namespace {

struct Given {
  std::string path;
  std::vector<std::string> caches;
  bool force = false;
};

std::uint64_t entries_of(const std::vector<BackupCache>& caches) {
  std::uint64_t entries = 0;
  for (const auto& cache : caches) entries += cache.entries;
  return entries;
}

BackupReport write_backup(Session& session, const Given& given) {
  NewFile file(given.path, given.force);
  BackupSource source(session.client(), given.caches);
  BackupEncoder encoder(source.made_at_ms(), [&file](std::string_view bytes) { file.write(bytes); });
  for (const auto& cache : source.caches()) encoder.cache(cache);
  Progress progress("backing up", entries_of(source.caches()));
  BackupReport report;
  report.made_at_ms = source.made_at_ms();
  auto part = source.next();
  for (; const auto* records = std::get_if<BackupSource::Records>(&part); part = source.next()) {
    for (const auto& record : *records) encoder.record(record);
    progress.reached(encoder.totals().records, encoder.totals().bytes);
  }
  report.damage = damage_of(std::get<BackupSource::End>(part).missing, source.caches());
  std::uint64_t missing = 0;
  for (const auto& cache : report.damage) missing += cache.entries;
  encoder.end(missing);
  missing == 0 ? file.keep() : file.keep_beside();
  if (file.path() != given.path) report.kept_as = file.path();
  report.totals = encoder.totals();
  report.file_bytes = file.bytes();
  report.checksum = encoder.checksum();
  return report;
}

void tell(Session& session, const Given& given, const BackupReport& report) {
  if (given.path == "-") {
    if (session.json()) std::fprintf(stderr, "%s\n", json_of(report).text().c_str());
  } else if (session.json()) {
    session.print_json(json_of(report));
  } else {
    session.print_line("backed up " + text_of(report) + "; the file has " + human_bytes(report.file_bytes));
  }
}

void backup(Session& session, const Given& given) {
  const BackupReport report = write_backup(session, given);
  tell(session, given, report);
  if (report.damage.empty()) return;
  session.finish(ExitCode::kIncomplete);
  const bool is_told = session.json() && given.path == "-";
  if (!is_told) std::fprintf(stderr, "pannier: %s\n", damage_text(report).c_str());
}

}  // namespace

void add_backup(Arguments& arguments, Session& session) {
  const auto given = std::make_shared<Given>();
  arguments.required("FILE", given->path, "The file to write; -: standard output");
  arguments.optional("CACHE", given->caches, "Only these durable caches [all of them]");
  arguments.flag("--force", given->force, "Replace a FILE that is there, if the backup is whole");
  arguments.help(
      R"(All entries of durable caches as they are at one moment, while the daemon goes on. FILE has its name when it is
whole and on disk, and not before; only its owner may read it. `pannier restore` reads it. What the daemon cannot
read, because its disk is damaged, is left out and told, and the exit code is 6; such a backup does not replace a
FILE that is there, and has the name FILE.incomplete.

Examples:
  pannier backup /var/backups/pannier.backup
  pannier backup visits.backup durable --force
  pannier backup - | zstd > pannier.backup.zst)");
  arguments.run([&session, given] { backup(session, *given); });
}

}  // namespace pannier::cli
