// CrashEnv: CrashFiles as LevelDB sees an operating system. A watcher is asked before each call, and may let
// it fail in several ways. Background work waits for settle(), so that a run is the same each time, and one
// thread is all it has: such a process can be forked anywhere.
#pragma once

#include <leveldb/env.h>

#include <atomic>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "tests/crash/crash_files.h"

namespace pannier::test {

enum class Call : std::uint8_t {
  kNewFile,
  kAppend,
  kSync,
  kSyncDirectory,
  kRename,
  kRemove,
  kMakeDirectory,
  kOpen,
  kRead,
  kList,
  kLock,
};
inline constexpr std::size_t kCalls = 11;
std::string_view name_of(Call call);

/// What becomes of a call. All but kNone are told as a failure; of an append kPartly writes a part; of a sync
/// kLost drops what was to be synced.
enum class Fault : std::uint8_t { kNone, kRefused, kDoneAll, kPartly, kLost };

class CallWatcher {
 public:
  virtual ~CallWatcher() = default;
  virtual Fault before(Call call) = 0;
};

class CrashEnv final : public leveldb::Env {
 public:
  /// What there was before, and nobody who watches yet.
  explicit CrashEnv(CrashFiles files) : files_(std::move(files)) {}

  void watch(CallWatcher* watcher) { watcher_ = watcher; }
  const CrashFiles& files() const { return files_; }

  /// Runs what was scheduled, and what that schedules.
  void settle();
  /// For a process that may come to close a database whose background work nobody will settle: starts a
  /// thread that does it when nothing has gone on for a while.
  void help_when_stuck();
  /// How names are synced: what went wrong, or nothing.
  std::optional<std::string> sync_directory(const std::string& path);

  leveldb::Status NewSequentialFile(const std::string& name, leveldb::SequentialFile** file) override;
  leveldb::Status NewRandomAccessFile(const std::string& name, leveldb::RandomAccessFile** file) override;
  leveldb::Status NewWritableFile(const std::string& name, leveldb::WritableFile** file) override;
  bool FileExists(const std::string& name) override;
  leveldb::Status GetChildren(const std::string& directory, std::vector<std::string>* names) override;
  leveldb::Status RemoveFile(const std::string& name) override;
  leveldb::Status CreateDir(const std::string& name) override;
  leveldb::Status RemoveDir(const std::string& name) override;
  leveldb::Status GetFileSize(const std::string& name, std::uint64_t* bytes) override;
  leveldb::Status RenameFile(const std::string& from, const std::string& to) override;
  leveldb::Status LockFile(const std::string& name, leveldb::FileLock** lock) override;
  leveldb::Status UnlockFile(leveldb::FileLock* lock) override;
  void Schedule(void (*work)(void*), void* argument) override;
  void StartThread(void (*work)(void*), void* argument) override { work(argument); }
  leveldb::Status GetTestDirectory(std::string* path) override;
  leveldb::Status NewLogger(const std::string& name, leveldb::Logger** logger) override;
  std::uint64_t NowMicros() override { return ++micros_; }
  void SleepForMicroseconds(int) override {}

 private:
  class Lock;
  class ReadFile;
  class SequentialReadFile;
  class WrittenFile;

  Fault fault_of(Call call);
  bool run_scheduled();
  /// `effect` is what the call does.
  template <typename Effect>
  leveldb::Status call(Call call, const std::string& name, Effect effect);

  CrashFiles files_;
  CallWatcher* watcher_ = nullptr;
  std::set<std::string> locked_;
  std::mutex mutex_;  // there are two threads once help_when_stuck() was called
  std::atomic<std::uint64_t> calls_ = 0;
  std::atomic<bool> is_settling_ = false;
  std::deque<std::pair<void (*)(void*), void*>> scheduled_;
  std::uint64_t micros_ = 0;
};

}  // namespace pannier::test
