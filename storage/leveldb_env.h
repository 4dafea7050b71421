// What LevelDB is given of the operating system, where its own choice falls short, and the names of its
// files. Of the files of this folder only leveldb_* include LevelDB's headers.
#pragma once

#include <leveldb/env.h>

#include <sys/types.h>

#include <cstdarg>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "storage/leveldb_store.h"

namespace pannier::storage {

/// The operating system, with tables that are read instead of mapped into memory: where a page of a mapped
/// file cannot be read, or the file was cut short, the process would be killed. A table that is missing is
/// damage: LevelDB asks only for those that it needs. And with logs that are written ahead (LogFile).
class SystemEnv final : public leveldb::EnvWrapper {
 public:
  SystemEnv() : EnvWrapper(leveldb::Env::Default()) {}
  leveldb::Status NewRandomAccessFile(const std::string& name, leveldb::RandomAccessFile** file) override;
  leveldb::Status NewWritableFile(const std::string& name, leveldb::WritableFile** file) override;
};

/// LevelDB syncs what it writes to a log, but not the name of a new log in its directory before the next
/// table is written, nor the name CURRENT when it is replaced: until then power loss could take what was
/// synced. A new table's name it syncs only after the manifest that names it was written, and might have
/// reached the disk first: then the database could not be opened. This Env syncs all these names at once.
class DurableNamesEnv final : public leveldb::EnvWrapper {
 public:
  /// `base` must outlive this.
  DurableNamesEnv(leveldb::Env* base, SyncDirectory sync_directory)
      : EnvWrapper(base), sync_directory_(std::move(sync_directory)) {}
  leveldb::Status NewWritableFile(const std::string& name, leveldb::WritableFile** file) override;
  leveldb::Status RenameFile(const std::string& from, const std::string& to) override;
  /// Refuses to remove the manifest that CURRENT names. LevelDB does so when making that name durable has
  /// failed: but CURRENT has been replaced by then, and the database could not be opened again.
  leveldb::Status RemoveFile(const std::string& name) override;

  /// Makes the name of a file or directory durable where it stands.
  leveldb::Status sync_name(const std::string& path) const;

  /// What of the database that is open is no longer where it was made: CURRENT or the log that is written to.
  /// A directory that was moved, deleted or covered by another one can be written to for a long time through
  /// files that are open, and nobody would find what was written. Any thread.
  std::optional<std::string> misplaced() const;
  /// What is in the log before the present one is not in a table yet. Any thread.
  bool needs_older_log() const;

 private:
  /// The file that a path named, however that is called now.
  struct Place {
    std::string path;
    dev_t device;
    ino_t inode;
  };
  /// Nothing if there is no such file, as for a base that is not the operating system.
  static std::optional<Place> place_of(const std::string& path);
  static std::optional<std::string> misplaced(const Place& place);
  void note(const std::string& path);

  SyncDirectory sync_directory_;
  mutable std::mutex places_lock_;
  std::optional<Place> current_;
  std::optional<Place> log_;
  std::string log_path_;
  std::string older_log_path_;  // empty once LevelDB wanted it removed
};

/// LevelDB tells its log about every compaction, in a file without a bound. What goes wrong comes back as a
/// status too.
class SilentLogger final : public leveldb::Logger {
 public:
  void Logv(const char*, std::va_list) override {}
};

/// Whether a directory with these names may get a new database: none of them is a file with a database's
/// data.
bool is_unused(const std::vector<std::string>& names);

/// Whether the directory takes a new file of some size, which is removed again.
leveldb::Status probe_directory(leveldb::Env& env, const std::string& path);

}  // namespace pannier::storage
