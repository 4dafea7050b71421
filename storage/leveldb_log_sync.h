// LogSync: how LevelDB's log is synced. LevelDB writes a batch to its log, has it synced, and only then puts
// it into memory, where it is read from; of small batches that takes as long as a quick disk does for the
// sync, of large ones longer. Here both go on at once, and whoever writes waits for both.
//
// What is read meanwhile may be lost with the power, as after a sync that failed. Values are not read from
// there: what is being written is in the memory of its writer. That a record is being erased may be, and
// comes back with it; it is erased once more then.
#pragma once

#include <leveldb/env.h>

#include <functional>
#include <memory>
#include <string>

#include "storage/sync_thread.h"

namespace pannier::storage {

/// Thread safety: beside what LevelDB calls, for the one thread that writes.
class LogSync final : public leveldb::EnvWrapper {
 public:
  /// `base` must outlive this. `has_threads`: else it syncs when LevelDB is done.
  LogSync(leveldb::Env* base, bool has_threads);

  /// LevelDB is about to write. A sync of a log is put off from now on; outside of a write it is not.
  void begin();
  /// When LevelDB has returned: the outcome of the sync, after it. OK if it asked for none.
  leveldb::Status end();
  /// Of what was written to the log that is written to now.
  std::size_t log_bytes() const { return log_bytes_; }

  leveldb::Status NewWritableFile(const std::string& name, leveldb::WritableFile** file) override;

 private:
  class File;

  /// What a write of more has in the log takes the disk longer than LevelDB, and much of a processor.
  static constexpr std::size_t kSmallBytesMax = std::size_t{256} << 10;

  leveldb::Status sync(File& file);

  std::unique_ptr<SyncThread> small_;  // someone waits for it, and it is soon done
  std::unique_ptr<SyncThread> large_;
  SyncThread* syncing_ = nullptr;
  bool is_writing_ = false;
  std::size_t log_bytes_ = 0;
  leveldb::WritableFile* file_ = nullptr;  // whose sync was asked for
  leveldb::Status status_;                 // of that; the thread's until it has ended
  const std::function<void()> job_;
};

}  // namespace pannier::storage
