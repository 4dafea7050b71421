// LevelDbStore: the durable tier's disk, one LevelDB database in a directory of its own. Keys and values in
// it are those of record.h; DISK.md describes them for everyone else. It knows what is on disk, not what is
// in memory or dirty.
//
// Memory: what LevelDbOptions bounds. What is written is held up to three times meanwhile: by its caller, as
// LevelDB's batch, and in the write buffer. A process that has the directory open keeps it locked; a
// second one is refused.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "storage/durable_store.h"

namespace leveldb {
class Env;
}

namespace pannier::storage {

class LevelDbDatabase;

struct LevelDbOptions {
  /// Blocks of tables, kept uncompressed.
  std::size_t block_cache_bytes = std::size_t{8} << 20;
  /// Taken twice, each with up to one write more, while one is written out.
  std::size_t write_buffer_bytes = std::size_t{16} << 20;
  /// Each with its index and Bloom filter, about 40 KiB.
  int open_files_max = 256;
  /// The log is synced by a thread of its own, while LevelDB goes on; else when LevelDB is done.
  bool syncs_beside = true;
};

/// Makes the names in a directory durable. What went wrong, or nothing.
using SyncDirectory = std::function<std::optional<std::string>(const std::string& path)>;
/// By fsync.
std::optional<std::string> sync_directory(const std::string& path);

/// Thread safety: that of DurableStore. reopen() waits for loads and scans under way, and makes later ones
/// wait.
class LevelDbStore final : public DurableStore {
 public:
  /// Opens the database in the directory `path`, and creates both if there is nothing. What is there and
  /// cannot be opened, or is not Pannier's, or newer than this program, is left as it is: a StoreError.
  /// `env`: LevelDB's view of the operating system; must outlive the store. Null: the real one. It has no way
  /// to sync a directory: that is `sync_names`.
  static std::variant<std::unique_ptr<LevelDbStore>, StoreError> open(
      std::string path, const LevelDbOptions& options, leveldb::Env* env = nullptr,
      SyncDirectory sync_names = sync_directory);
  ~LevelDbStore() override;
  /// What opening it had to do: sentences for the log, usually none.
  const std::vector<std::string>& notes() const;

  LevelDbStore(const LevelDbStore&) = delete;
  LevelDbStore& operator=(const LevelDbStore&) = delete;

  std::variant<std::vector<Definition>, StoreError> definitions() const override;
  std::variant<std::vector<CacheId>, StoreError> unfinished_drops() const override;

  std::optional<StoreError> define(CacheId id, std::string_view name, const Settings& settings) override;
  std::optional<StoreError> begin_drop(CacheId id) override;
  std::optional<StoreError> end_drop(CacheId id) override;

  std::variant<std::vector<Wrote>, StoreError> write(std::span<const Batch> batches) override;
  std::variant<ErasedSome, StoreError> erase_some(const EraseRange& range, std::uint64_t steps_max) override;

  std::variant<Record, Absent, StoreError> load(CacheId cache, std::string_view key) const override;
  std::variant<Scanned, StoreError> scan(CacheId cache, std::string_view prefix, std::string_view from_key,
                                         std::uint64_t keys_max) const override;

  std::variant<std::shared_ptr<const StoreImage>, StoreError> open_image() override;

  std::variant<Version, StoreError> reserved_versions() const override;
  std::optional<StoreError> reserve_versions(Version bound) override;
  std::variant<std::string, StoreError> identity() const override;

  std::variant<Rested, StoreError> rest() override;

  /// Fails without closing anything while the directory takes no new file, so that loads go on meanwhile.
  std::optional<StoreError> reopen() override;

 private:
  explicit LevelDbStore(std::unique_ptr<LevelDbDatabase> database);

  std::unique_ptr<LevelDbDatabase> database_;
  bool looks_up_again_ = false;  ///< the last write failed because a look-up did
};

}  // namespace pannier::storage
