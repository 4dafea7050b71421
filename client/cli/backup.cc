// pannier backup
#include <string>
#include <vector>

#include "client/cli/backup_file.h"
#include "client/cli/backup_format.h"
#include "client/cli/backup_report.h"
#include "client/cli/command.h"
#include "client/cli/human.h"
#include "client/cli/progress.h"
#include "protocol/cursor.h"
#include "protocol/writer.h"

namespace pannier::cli {

namespace {

using protocol::Cursor;

struct Given {
  std::string path;
  std::vector<std::string> caches;
  bool force = false;
};

/// What the daemon began to tell.
struct Begun {
  std::int64_t made_at_ms = 0;
  std::vector<BackupCache> caches;
};

[[noreturn]] void throw_unexpected() {
  throw ProtocolError("the daemon's answer about the backup is of another form");
}

template <class T>
T required(std::optional<T> field) {
  if (!field) throw_unexpected();
  return *std::move(field);
}

BackupCache read_cache(Cursor& fields) {
  BackupCache cache;
  for (auto left = required(fields.read_map()); left > 0; --left) {
    const auto name = required(fields.read_string());
    Cursor value(required(fields.read_object()));
    if (name == "name") cache.name = required(value.read_string());
    if (name == "entries") cache.entries = required(value.read_unsigned());
    if (name == "max_age_ms") cache.max_age_ms = value.read_unsigned();
    if (name == "stale_ms") cache.stale_ms = required(value.read_unsigned());
    if (name == "reserved_bytes") cache.reserved_bytes = required(value.read_unsigned());
  }
  return cache;
}

Begun begin(Client& client, const std::vector<std::string>& caches) {
  const auto params =
      caches.empty() ? std::string("\x90") : pack(std::vector<std::vector<std::string>>{caches});
  const auto answer = client.call("backup", params);
  Cursor fields(answer);
  Begun begun;
  for (auto left = required(fields.read_map()); left > 0; --left) {
    const auto name = required(fields.read_string());
    Cursor value(required(fields.read_object()));
    if (name == "time_ms") begun.made_at_ms = required(value.read_integer());
    if (name != "caches") continue;
    for (auto caches_left = required(value.read_array()); caches_left > 0; --caches_left) {
      begun.caches.push_back(read_cache(value));
    }
  }
  return begun;
}

BackupRecord read_record(Cursor& items) {
  if (required(items.read_array()) < 6) throw_unexpected();
  BackupRecord record;
  record.cache = static_cast<std::uint32_t>(required(items.read_unsigned()));
  record.key = required(items.read_string());
  record.value = required(items.read_object());
  record.version = required(items.read_unsigned());
  if (!items.read_nil()) record.deadline_ms = required(items.read_integer());
  record.stale_ms = required(items.read_unsigned());
  return record;
}

/// False: there was none any more.
bool write_piece(Client& client, std::uint64_t number, BackupEncoder& encoder) {
  std::string params;
  protocol::Writer writer(params);
  writer.array(1);
  writer.unsigned_integer(number);
  const auto answer = client.call("backup_next", params);
  Cursor items(answer);
  if (items.read_nil()) return false;
  for (auto left = required(items.read_array()); left > 0; --left) encoder.record(read_record(items));
  return true;
}

std::uint64_t entries_of(const Begun& begun) {
  std::uint64_t entries = 0;
  for (const auto& cache : begun.caches) entries += cache.entries;
  return entries;
}

BackupReport write_backup(Session& session, const Given& given) {
  NewFile file(given.path, given.force);
  const Begun begun = begin(session.client(), given.caches);
  BackupEncoder encoder(begun.made_at_ms, [&file](std::string_view bytes) { file.write(bytes); });
  for (const auto& cache : begun.caches) encoder.cache(cache);
  Progress progress("backing up", entries_of(begun));
  for (std::uint64_t piece = 0; write_piece(session.client(), piece, encoder); ++piece) {
    progress.reached(encoder.totals().records, encoder.totals().bytes);
  }
  encoder.end();
  file.keep();
  return {.made_at_ms = begun.made_at_ms,
          .totals = encoder.totals(),
          .file_bytes = file.bytes(),
          .checksum = encoder.checksum()};
}

void backup(Session& session, const Given& given) {
  const BackupReport report = write_backup(session, given);
  if (given.path == "-") {
    if (session.json()) std::fprintf(stderr, "%s\n", json_of(report).text().c_str());
  } else if (session.json()) {
    session.print_json(json_of(report));
  } else {
    session.print_line("backed up " + text_of(report) + "; the file has " + human_bytes(report.file_bytes));
  }
}

}  // namespace

void add_backup(Arguments& arguments, Session& session) {
  const auto given = std::make_shared<Given>();
  arguments.required("FILE", given->path, "The file to write; -: standard output");
  arguments.optional("CACHE", given->caches, "Only these durable caches [all of them]");
  arguments.flag("--force", given->force, "Replace a FILE that is there");
  arguments.help(
      R"(All entries of durable caches as they are at one moment, while the daemon goes on. FILE has its name when it is
whole and on disk, and not before; only its owner may read it. `pannier restore` reads it.

Examples:
  pannier backup /var/backups/pannier.backup
  pannier backup visits.backup durable --force
  pannier backup - | zstd > pannier.backup.zst)");
  arguments.run([&session, given] { backup(session, *given); });
}

}  // namespace pannier::cli
