// What LevelDB is given of the operating system, where its own choice falls short, and the names of its
// files. Of the files of this folder only leveldb_* include LevelDB's headers.
#pragma once

#include <leveldb/env.h>

#include <cstdarg>
#include <optional>
#include <string>
#include <vector>

namespace pannier::storage {

/// Makes the names in a directory durable. What went wrong, or nothing.
std::optional<std::string> sync_directory(const std::string& path);

/// LevelDB syncs what it writes to a log, but not the name of a new log in its directory before the next
/// table is written, nor the name CURRENT when it is replaced: until then power loss could take what was
/// synced. This Env syncs such names at once.
class DurableNamesEnv final : public leveldb::EnvWrapper {
 public:
  /// `base` must outlive this.
  explicit DurableNamesEnv(leveldb::Env* base) : EnvWrapper(base) {}
  leveldb::Status NewWritableFile(const std::string& name, leveldb::WritableFile** file) override;
  leveldb::Status RenameFile(const std::string& from, const std::string& to) override;
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
