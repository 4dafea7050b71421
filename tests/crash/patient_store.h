// PatientStore: a LevelDbStore on a CrashEnv, and its user of whom the daemon is made: reopens it after a
// failure, and repeats what failed until it is done. Only a batch that failed is its caller's to repeat,
// from what is in memory then.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "storage/leveldb_store.h"
#include "tests/crash/crash_env.h"

namespace pannier::test {

/// LevelDB's smallest buffers, so that a short run switches logs and merges tables.
storage::LevelDbOptions smallest();

class PatientStore final : public storage::DurableStore {
 public:
  PatientStore(CrashEnv& env, std::string path);

  std::variant<std::vector<storage::Definition>, storage::StoreError> definitions() const override;
  std::variant<std::vector<storage::CacheId>, storage::StoreError> unfinished_drops() const override;
  std::optional<storage::StoreError> define(storage::CacheId id, std::string_view name,
                                            const storage::Settings& settings) override;
  std::optional<storage::StoreError> begin_drop(storage::CacheId id) override;
  std::optional<storage::StoreError> end_drop(storage::CacheId id) override;
  std::variant<std::vector<storage::Wrote>, storage::StoreError> write(
      std::span<const storage::Batch> batches) override;
  std::variant<storage::ErasedSome, storage::StoreError> erase_some(const storage::EraseRange& range,
                                                                    std::uint64_t steps_max) override;
  std::variant<storage::Record, storage::Absent, storage::StoreError> load(
      storage::CacheId cache, std::string_view key) const override;
  std::variant<storage::Scanned, storage::StoreError> scan(storage::CacheId cache, std::string_view prefix,
                                                           std::string_view from_key,
                                                           std::uint64_t keys_max) const override;
  std::variant<std::shared_ptr<const storage::StoreImage>, storage::StoreError> open_image() override;
  std::variant<storage::Version, storage::StoreError> reserved_versions() const override;
  std::optional<storage::StoreError> reserve_versions(storage::Version bound) override;
  std::variant<std::string, storage::StoreError> identity() const override;
  std::variant<storage::Rested, storage::StoreError> rest() override;
  /// As another process would open it. LevelDbStore's own reopen() holds a lock that a process which is
  /// forked meanwhile could not give back; it is what follows a failure.
  std::optional<storage::StoreError> reopen() override;

 private:
  /// Opened or reopened if need be.
  std::optional<storage::StoreError> ready() const;
  template <typename Attempt>
  auto once(Attempt attempt) const -> decltype(attempt());
  template <typename Attempt>
  auto until_done(Attempt attempt) const -> decltype(attempt());

  CrashEnv& env_;
  const std::string path_;
  mutable std::unique_ptr<storage::LevelDbStore> store_;
  mutable bool is_failing_ = false;
};

}  // namespace pannier::test
