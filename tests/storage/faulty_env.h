// FaultyEnv: the real file system as LevelDB sees it, with a disk that can be told to fail or to be slow.
#pragma once

#include <leveldb/env.h>

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>

#include "storage/leveldb_env.h"

namespace pannier::test {

class FaultyEnv final : public leveldb::EnvWrapper {
 public:
  FaultyEnv() : EnvWrapper(&system_) {}

  /// Of every file: what is written is refused, or is written but its sync is refused, or no file, or no
  /// table, can be made.
  std::atomic<bool> fails_writes = false;
  std::atomic<bool> fails_syncs = false;
  std::atomic<bool> fails_new_files = false;
  std::atomic<bool> fails_new_tables = false;
  std::atomic<std::uint64_t> syncs = 0;

  /// Syncs, or those of tables, wait until release_syncs().
  void hold_syncs();
  void hold_syncs_of_tables();
  void release_syncs();

  leveldb::Status NewWritableFile(const std::string& name, leveldb::WritableFile** file) override;

 private:
  class File;
  void wait_for_release(bool is_table);

  storage::SystemEnv system_;
  std::mutex mutex_;
  std::condition_variable released_;
  bool is_holding_ = false;
  bool is_holding_tables_ = false;
};

}  // namespace pannier::test
