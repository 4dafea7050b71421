// pannier restore
#include <algorithm>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "client/cli/backup_file.h"
#include "client/cli/backup_format.h"
#include "client/cli/backup_report.h"
#include "client/cli/command.h"
#include "client/cli/human.h"
#include "client/cli/progress.h"
#include "client/cli/restore_target.h"

namespace pannier::cli {

namespace {

struct Given {
  std::string path;
  std::vector<std::string> caches;
  bool force = false;
  bool keep = false;
  bool only_check = false;
};

/// Reads a backup once, from its start to its end.
class Reading {
 public:
  explicit Reading(OldFile& file)
      : file_(file), decoder_([this](char* to, std::size_t size) { return read(to, size); }) {}

  /// All caches are known.
  virtual void caches_known() {}
  virtual void records_read(const std::vector<BackupRecord>&) {}
  /// What to say of a restore that ends early, beside why.
  virtual std::string state_text() const { return {}; }
  virtual ~Reading() = default;

  BackupReport run() {
    for (;;) {
      const auto part = decoder_.next();
      if (const auto* cache = std::get_if<BackupCache>(&part)) {
        caches_.push_back(*cache);
      } else if (const auto* start = std::get_if<BackupDecoder::Start>(&part)) {
        report_.made_at_ms = start->made_at_ms;
      } else if (const auto* fault = std::get_if<BackupFault>(&part)) {
        fail(*fault);
      } else {
        if (!std::exchange(has_caches_, true)) caches_known();
        if (const auto* end = std::get_if<BackupDecoder::End>(&part)) return finished(*end);
        records_read(std::get<BackupDecoder::Records>(part).records);
      }
    }
  }

 protected:
  const std::vector<BackupCache>& caches() const { return caches_; }

 private:
  std::size_t read(char* to, std::size_t size) {
    const std::size_t got = file_.read(to, size);
    report_.file_bytes += got;
    return got;
  }

  BackupReport finished(const BackupDecoder::End& end) {
    report_.totals = end.totals;
    report_.checksum = end.checksum;
    return report_;
  }

  [[noreturn]] void fail(const BackupFault& fault) const {
    throw Failed(ExitCode::kLocal, "cannot restore " + file_.name() + ": at byte " +
                                       std::to_string(fault.offset) + ": " + fault.text + state_text());
  }

  OldFile& file_;
  BackupDecoder decoder_;
  std::vector<BackupCache> caches_;
  bool has_caches_ = false;
  BackupReport report_;
};

class Restoring final : public Reading {
 public:
  Restoring(Session& session, OldFile& file, const Given& given)
      : Reading(file),
        given_(given),
        target_(session, given.force  ? Existing::kClear
                         : given.keep ? Existing::kKeep
                                      : Existing::kRefuse),
        progress_("restoring", 0) {}

  void caches_known() override {
    std::uint64_t entries = 0;
    for (const auto& cache : caches()) {
      if (!is_chosen(cache.name)) continue;
      chosen_.push_back(cache);
      entries += cache.entries;
    }
    for (const auto& name : given_.caches) check_name(name);
    progress_.set_entries(entries);
    target_.prepare(chosen_);
  }

  void records_read(const std::vector<BackupRecord>& records) override {
    for (auto rest = std::span(records); !rest.empty();) {
      const auto cache = rest.front().cache;
      const auto end = std::ranges::find_if(rest, [&](const auto& record) { return record.cache != cache; });
      const auto same = rest.first(static_cast<std::size_t>(end - rest.begin()));
      rest = rest.subspan(same.size());
      const auto& name = caches()[cache].name;
      if (is_chosen(name)) target_.put(name, same);
      progress_.reached(target_.counts().entries, target_.counts().bytes);
    }
  }

  std::string state_text() const override {
    return "\nWhat came before that was restored: " +
           human_count(target_.counts().entries, "entry", "entries") + ".";
  }

  RestoreCounts finish() {
    target_.finish(chosen_);
    return target_.counts();
  }
  std::uint64_t caches_chosen() const { return chosen_.size(); }

 private:
  bool is_chosen(const std::string& name) const {
    return given_.caches.empty() || std::ranges::find(given_.caches, name) != given_.caches.end();
  }

  void check_name(const std::string& name) const {
    if (std::ranges::find(caches(), name, &BackupCache::name) != caches().end()) return;
    std::string names;
    for (const auto& cache : caches()) names += (names.empty() ? "" : ", ") + cache.name;
    throw Failed(ExitCode::kUsage,
                 "the backup has no cache " + name + "; it has " + (names.empty() ? "none" : names));
  }

  const Given& given_;
  std::vector<BackupCache> chosen_;
  RestoreTarget target_;
  Progress progress_;
};

void check(Session& session, OldFile& file) {
  const BackupReport report = Reading(file).run();
  if (session.json()) return session.print_json(json_of(report));
  session.print_line(file.name() + " is whole: " + text_of(report));
}

void tell(Session& session, const RestoreCounts& counts, std::uint64_t caches, const BackupReport& report) {
  if (session.json()) {
    return session.print_json({{"caches", caches},
                               {"entries", counts.entries},
                               {"bytes", counts.bytes},
                               {"expired", counts.expired},
                               {"kept", counts.kept},
                               {"backup", json_of(report)}});
  }
  std::string text =
      "restored " + human_count(counts.entries, "entry", "entries") + ", " + human_bytes(counts.bytes);
  if (counts.expired > 0) text += "; " + human_count(counts.expired) + " had expired";
  if (counts.kept > 0) text += "; " + human_count(counts.kept) + " there already, not replaced";
  session.print_line(text + "; the backup has " + text_of(report));
}

void restore(Session& session, const Given& given) {
  OldFile file(given.path);
  if (given.only_check) return check(session, file);
  // What can be read twice is proved whole before anything is changed.
  if (file.rewind()) {
    Reading(file).run();
    file.rewind();
  }
  Restoring restoring(session, file, given);
  try {
    const BackupReport report = restoring.run();
    const RestoreCounts counts = restoring.finish();
    tell(session, counts, restoring.caches_chosen(), report);
  } catch (const ServerError& error) {
    throw ServerError(error.code(), error.what() + restoring.state_text());
  }
}

}  // namespace

void add_restore(Arguments& arguments, Session& session) {
  const auto given = std::make_shared<Given>();
  arguments.required("FILE", given->path, "What `pannier backup` wrote; -: standard input");
  arguments.optional("CACHE", given->caches, "Only these caches [all that it has]");
  arguments.flag("--force", given->force, "Caches that have entries are cleared first");
  arguments.flag("--keep", given->keep,
                 "Entries and settings that are there stay; only what is missing is restored");
  arguments.flag("--check", given->only_check, "Only look whether FILE is whole; needs no daemon");
  arguments.exclusive({"--force", "--keep", "--check"});
  arguments.help(
      R"(Opens the durable caches of the backup, as they were, and stores their entries with the time that they have left.
A file is checked as a whole before anything is changed; from a pipe, block by block. What has expired since is
left out. Exit code 1, and nothing is changed, if a cache has entries and neither --force nor --keep is given; 5 if
FILE is damaged.

Examples:
  pannier restore /var/backups/pannier.backup
  pannier restore visits.backup durable --keep
  zstd -dc pannier.backup.zst | pannier restore - --force)");
  arguments.run([&session, given] { restore(session, *given); });
}

}  // namespace pannier::cli
