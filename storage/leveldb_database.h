// LevelDbDatabase: a LevelDB database that is or was open, with its layout checked, and what of it is kept in
// memory: its identity, which caches there are and how many records each has. LevelDbStore gives it the
// meaning of a DurableStore.
#pragma once

#include <leveldb/cache.h>
#include <leveldb/db.h>
#include <leveldb/filter_policy.h>
#include <leveldb/write_batch.h>

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "storage/durable_store.h"
#include "storage/leveldb_env.h"
#include "storage/leveldb_log_sync.h"
#include "storage/leveldb_store.h"
#include "storage/record.h"

namespace pannier::storage {

inline constexpr std::uint64_t kLayout = 1;  // DISK.md
/// One look-up in a hundred of keys that are not there reads a block.
inline constexpr int kBloomBitsPerKey = 10;

std::string_view view(const leveldb::Slice& slice);
leveldb::Slice slice(std::string_view text);

class LevelDbDatabase {
 public:
  struct CacheState {
    std::optional<NamedSettings> definition;
    bool is_dropping = false;
    std::uint64_t disk_entries = 0;
  };

  /// Not open yet. `env`: null for the operating system, else it must outlive this.
  LevelDbDatabase(std::string path, const LevelDbOptions& options, leveldb::Env* env,
                  SyncDirectory sync_names);
  ~LevelDbDatabase() { close(); }
  LevelDbDatabase(const LevelDbDatabase&) = delete;
  LevelDbDatabase& operator=(const LevelDbDatabase&) = delete;

  std::optional<StoreError> open();
  /// The very database that was open before, or an error. Waits until nobody holds a read lock.
  std::optional<StoreError> reopen();
  /// To be held by those who read while another thread may call reopen().
  std::shared_lock<std::shared_mutex> read_lock() const { return std::shared_lock(opening_); }

  /// Why nothing can be read: it is closed, because reopening it failed.
  std::optional<StoreError> why_closed() const;
  /// The same for writing, and after a write failed: a record that was written in part would spoil those that
  /// follow it in LevelDB's log.
  std::optional<StoreError> why_unwritable() const;

  /// An empty batch for a large write, whose memory is kept for the next: to grow anew takes as long as to
  /// fill it. For the writing thread alone.
  leveldb::WriteBatch& large_batch();
  /// All of the batch or nothing, with fsync, and into the database that is at its path. Precondition:
  /// writable.
  std::optional<StoreError> commit(leveldb::WriteBatch& batch);

  /// Has LevelDB put into a table what is only in its log and in memory, unless that is little. It writes the
  /// table on a thread of its own; a write meanwhile has a log of its own too. Precondition: writable.
  std::variant<Rested, StoreError> shorten_log();

  // -- reading; precondition: open

  std::variant<bool, StoreError> has(const std::string& key) const;
  /// The sealed value of a key, or nothing. `doing`: what to say that it cannot do if it fails.
  /// `snapshot`: null for what is there now.
  std::variant<std::optional<std::string>, StoreError> value_at(
      const std::string& key, std::string_view doing, const leveldb::Snapshot* snapshot = nullptr) const;
  std::variant<std::optional<std::uint64_t>, StoreError> number_at(const std::string& key) const;
  std::unique_ptr<leveldb::Iterator> iterator(const leveldb::Snapshot* snapshot = nullptr) const;
  const std::string& identity() const { return identity_; }
  const std::vector<std::string>& notes() const { return notes_; }

  // -- snapshots, by numbers that are never used twice; the caller holds a read lock, and precondition: open

  std::uint64_t take_snapshot();
  /// Null if it ended with the database that it was of.
  const leveldb::Snapshot* snapshot(std::uint64_t number) const;
  void release_snapshot(std::uint64_t number);

  // -- what is kept in memory; for the writing thread alone

  std::map<CacheId, CacheState>& caches() { return caches_; }
  const std::map<CacheId, CacheState>& caches() const { return caches_; }
  /// Null if it has no definition.
  CacheState* defined(CacheId id);

  StoreError failure(std::string_view doing, const leveldb::Status& status) const;
  /// Nothing: it is in its place.
  std::optional<StoreError> why_gone(std::string_view doing) const;
  StoreError damaged(const std::string& what, const Damage& damage) const;

 private:
  std::optional<StoreError> outcome_of(const leveldb::Status& status);
  StoreError gone(std::string_view doing, const std::string& misplaced) const;
  std::optional<StoreError> open_checked();
  leveldb::Status open_database();
  /// False if that did not help.
  bool cut_torn_ends();
  std::optional<StoreError> check_directory();
  std::optional<StoreError> check_layout();
  std::optional<StoreError> read_identity();
  std::optional<StoreError> give_identity();
  std::optional<StoreError> read_caches();
  std::optional<StoreError> read_fact(std::string_view key, std::string_view value);
  void close();

  std::string path_;
  SystemEnv system_;
  LogSync log_sync_;
  DurableNamesEnv env_;
  SilentLogger logger_;
  std::unique_ptr<const leveldb::FilterPolicy> filter_;
  std::unique_ptr<leveldb::Cache> block_cache_;
  leveldb::Options options_;
  mutable std::shared_mutex opening_;
  std::unique_ptr<leveldb::DB> db_;     // null: closed
  std::optional<std::string> failure_;  // since when nothing can be written
  std::string identity_;
  std::vector<std::string> notes_;
  std::map<CacheId, CacheState> caches_;
  std::optional<leveldb::WriteBatch> large_batch_;
  mutable std::mutex snapshots_lock_;  // readers on several threads
  std::map<std::uint64_t, const leveldb::Snapshot*> snapshots_;
  std::uint64_t snapshot_last_ = 0;
};

}  // namespace pannier::storage
