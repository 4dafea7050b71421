#include "storage/leveldb_database.h"

#include <cinttypes>
#include <cstdio>
#include <mutex>
#include <utility>
#include <vector>

#include "storage/hash.h"
#include "storage/leveldb_log.h"

namespace pannier::storage {

namespace {

constexpr std::size_t kTableBytes = std::size_t{4} << 20;
constexpr std::size_t kKeptBatchBytesMax = std::size_t{16} << 20;
/// Of the write buffer: a log that is shorter is read again soon enough.
constexpr std::size_t kLongLogShare = 4;

leveldb::ReadOptions verified(bool fill_cache) {
  leveldb::ReadOptions options;
  options.verify_checksums = true;
  options.fill_cache = fill_cache;
  return options;
}

std::string new_identity() {
  constexpr std::size_t kDigitsAtATime = kIdentityDigits / 2;
  std::string digits;
  while (digits.size() < kIdentityDigits) {
    char some[kDigitsAtATime + 1];
    std::snprintf(some, sizeof some, "%016" PRIx64, random_seed());
    digits += some;
  }
  return digits;
}

}  // namespace

std::string_view view(const leveldb::Slice& slice) { return {slice.data(), slice.size()}; }
leveldb::Slice slice(std::string_view text) { return {text.data(), text.size()}; }

LevelDbDatabase::LevelDbDatabase(std::string path, const LevelDbOptions& options, leveldb::Env* env,
                                 SyncDirectory sync_names)
    : path_(std::move(path)),
      log_sync_(env != nullptr ? env : &system_, options.syncs_beside),
      env_(&log_sync_, std::move(sync_names)),
      filter_(leveldb::NewBloomFilterPolicy(kBloomBitsPerKey)),
      block_cache_(leveldb::NewLRUCache(options.block_cache_bytes)) {
  options_.env = &env_;
  options_.info_log = &logger_;
  options_.filter_policy = filter_.get();
  options_.block_cache = block_cache_.get();
  options_.write_buffer_size = options.write_buffer_bytes;
  options_.max_open_files = options.open_files_max;
  options_.max_file_size = kTableBytes;
  options_.paranoid_checks = true;
}

std::optional<StoreError> LevelDbDatabase::open() {
  auto error = open_checked();
  if (error) {
    close();
    failure_ = error->text;
  }
  return error;
}

std::optional<StoreError> LevelDbDatabase::reopen() {
  if (auto error = why_gone("reopen")) return error;
  if (const leveldb::Status status = probe_directory(env_, path_); !status.ok())
    return failure("reopen", status);
  const std::unique_lock lock(opening_);
  close();
  return open();
}

void LevelDbDatabase::close() {
  for (const auto& [number, snapshot] : std::exchange(snapshots_, {})) db_->ReleaseSnapshot(snapshot);
  db_.reset();
}

std::optional<StoreError> LevelDbDatabase::open_checked() {
  if (auto error = check_directory()) return error;
  if (const leveldb::Status status = open_database(); !status.ok()) return failure("open", status);
  failure_.reset();
  if (auto error = check_layout()) return error;
  if (auto error = read_identity()) return error;
  return read_caches();
}

leveldb::Status LevelDbDatabase::open_database() {
  leveldb::DB* opened = nullptr;
  leveldb::Status status = leveldb::DB::Open(options_, path_, &opened);
  if (status.IsCorruption() && cut_torn_ends()) status = leveldb::DB::Open(options_, path_, &opened);
  db_.reset(opened);
  return status;
}

bool LevelDbDatabase::cut_torn_ends() {
  leveldb::FileLock* lock = nullptr;
  if (!env_.LockFile(path_ + "/LOCK", &lock).ok()) return false;
  auto cut = storage::cut_torn_ends(env_, path_);
  env_.UnlockFile(lock);
  auto* const notes = std::get_if<std::vector<std::string>>(&cut);
  if (notes == nullptr || notes->empty()) return false;
  notes_.insert(notes_.end(), notes->begin(), notes->end());
  return true;
}

std::optional<StoreError> LevelDbDatabase::check_directory() {
  options_.create_if_missing = false;
  if (env_.FileExists(path_ + "/CURRENT")) return std::nullopt;
  std::vector<std::string> names;
  if (env_.FileExists(path_)) {
    if (const leveldb::Status status = env_.GetChildren(path_, &names); !status.ok())
      return failure("open", status);
  } else if (const leveldb::Status status = env_.CreateDir(path_); !status.ok()) {
    return failure("create", status);
  }
  if (!is_unused(names)) {
    return StoreError{"the database " + path_ + " is damaged: its file CURRENT is missing", true};
  }
  if (const leveldb::Status status = env_.sync_name(path_); !status.ok()) return failure("create", status);
  options_.create_if_missing = true;
  return std::nullopt;
}

std::optional<StoreError> LevelDbDatabase::check_layout() {
  const auto found = number_at(format_key());
  if (const auto* error = std::get_if<StoreError>(&found)) return *error;
  if (const auto layout = std::get<0>(found)) {
    if (*layout == kLayout) return std::nullopt;
    return StoreError{"the database " + path_ + " has layout " + std::to_string(*layout) +
                      ", this program reads " + std::to_string(kLayout)};
  }
  const auto first = iterator();
  first->SeekToFirst();
  if (!first->status().ok()) return failure("read", first->status());
  if (first->Valid()) return StoreError{"the database " + path_ + " was not made by Pannier"};
  leveldb::WriteBatch batch;
  batch.Put(format_key(), encode_number(format_key(), kLayout));
  return commit(batch);
}

std::optional<StoreError> LevelDbDatabase::read_identity() {
  const auto found = value_at(identity_key(), "read");
  if (const auto* error = std::get_if<StoreError>(&found)) return *error;
  const auto& value = std::get<0>(found);
  if (!value) return give_identity();
  auto identity = decode_identity(identity_key(), *value);
  if (const auto* damage = std::get_if<Damage>(&identity)) return damaged("its identity", *damage);
  identity_ = std::move(std::get<std::string>(identity));
  return std::nullopt;
}

std::optional<StoreError> LevelDbDatabase::give_identity() {
  std::string identity = new_identity();
  leveldb::WriteBatch batch;
  batch.Put(identity_key(), encode_identity(identity_key(), identity));
  if (auto error = commit(batch)) return error;
  identity_ = std::move(identity);
  return std::nullopt;
}

std::optional<StoreError> LevelDbDatabase::read_caches() {
  caches_.clear();
  const std::string last = identity_key();
  const auto fact = iterator();
  // Not a step further: behind it there may be records without end that are erased, and damage among them.
  for (fact->SeekToFirst(); fact->Valid() && view(fact->key()) < last; fact->Next()) {
    if (auto error = read_fact(view(fact->key()), view(fact->value()))) return error;
  }
  if (!fact->status().ok()) return failure("read", fact->status());
  return std::nullopt;
}

std::optional<StoreError> LevelDbDatabase::read_fact(std::string_view key, std::string_view value) {
  const std::optional<CacheId> id = cache_of_fact(key);
  if (!id) return std::nullopt;
  CacheState& cache = caches_[*id];
  const std::string whose = " of cache " + std::to_string(*id);
  if (key.starts_with(fact_prefix(CacheFact::kDefinition))) {
    auto definition = decode_definition(key, value);
    if (const auto* damage = std::get_if<Damage>(&definition))
      return damaged("the definition" + whose, *damage);
    cache.definition = std::move(std::get<NamedSettings>(definition));
    return std::nullopt;
  }
  const bool is_count = key.starts_with(fact_prefix(CacheFact::kCount));
  const auto number = decode_number(key, value);
  if (const auto* damage = std::get_if<Damage>(&number)) {
    return damaged((is_count ? "the number of records" : "the note of the drop") + whose, *damage);
  }
  if (is_count) cache.disk_entries = std::get<std::uint64_t>(number);
  cache.is_dropping |= !is_count;
  return std::nullopt;
}

std::optional<StoreError> LevelDbDatabase::why_closed() const {
  if (db_) return std::nullopt;
  return StoreError{"the database is closed after a failure: " + failure_.value_or(path_)};
}

std::optional<StoreError> LevelDbDatabase::why_unwritable() const {
  if (auto error = why_closed()) return error;
  if (!failure_) return std::nullopt;
  return StoreError{"the database is not written to after a failure: " + *failure_};
}

leveldb::WriteBatch& LevelDbDatabase::large_batch() {
  // One that an unusually large entry was in is not kept.
  if (!large_batch_ || large_batch_->ApproximateSize() > kKeptBatchBytesMax) large_batch_.emplace();
  large_batch_->Clear();
  return *large_batch_;
}

std::optional<StoreError> LevelDbDatabase::commit(leveldb::WriteBatch& batch) {
  leveldb::WriteOptions synced;
  synced.sync = true;
  log_sync_.begin();
  leveldb::Status status = db_->Write(synced, &batch);
  const leveldb::Status log_status = log_sync_.end();
  return outcome_of(status.ok() ? log_status : status);
}

std::variant<Rested, StoreError> LevelDbDatabase::shorten_log() {
  if (env_.needs_older_log()) {
    // Whether writing the table has failed LevelDB tells only those who write.
    leveldb::WriteBatch nothing;
    if (auto error = commit(nothing)) return std::move(*error);
    return Rested{true};
  }
  if (log_sync_.log_bytes() < options_.write_buffer_size / kLongLogShare) return Rested();
  // Without a batch LevelDB goes over to a new log and a new buffer, and does not wait for the table.
  if (auto error = outcome_of(db_->Write(leveldb::WriteOptions(), nullptr))) return std::move(*error);
  return Rested{true};
}

std::optional<StoreError> LevelDbDatabase::outcome_of(const leveldb::Status& status) {
  const auto misplaced = env_.misplaced();
  if (status.ok() && !misplaced) return std::nullopt;
  StoreError error = misplaced ? gone("write to", *misplaced) : failure("write to", status);
  failure_ = error.text;
  return error;
}

std::variant<bool, StoreError> LevelDbDatabase::has(const std::string& key) const {
  std::string value;
  const leveldb::Status status = db_->Get(verified(false), key, &value);
  if (!status.ok() && !status.IsNotFound()) return failure("read", status);
  return status.ok();
}

std::variant<std::optional<std::string>, StoreError> LevelDbDatabase::value_at(
    const std::string& key, std::string_view doing, const leveldb::Snapshot* snapshot) const {
  leveldb::ReadOptions options = verified(true);
  options.snapshot = snapshot;
  std::optional<std::string> value(std::in_place);
  const leveldb::Status status = db_->Get(options, key, &*value);
  if (status.IsNotFound()) return std::optional<std::string>();
  if (!status.ok()) return failure(doing, status);
  return value;
}

std::variant<std::optional<std::uint64_t>, StoreError> LevelDbDatabase::number_at(
    const std::string& key) const {
  const auto found = value_at(key, "read");
  if (const auto* error = std::get_if<StoreError>(&found)) return *error;
  const auto& value = std::get<0>(found);
  if (!value) return std::optional<std::uint64_t>();
  const auto number = decode_number(key, *value);
  if (const auto* damage = std::get_if<Damage>(&number)) {
    return damaged(key == format_key() ? "the number of its layout" : "the bound of its versions", *damage);
  }
  return std::optional(std::get<std::uint64_t>(number));
}

std::unique_ptr<leveldb::Iterator> LevelDbDatabase::iterator(const leveldb::Snapshot* snapshot) const {
  leveldb::ReadOptions options = verified(false);
  options.snapshot = snapshot;
  return std::unique_ptr<leveldb::Iterator>(db_->NewIterator(options));
}

std::uint64_t LevelDbDatabase::take_snapshot() {
  const std::lock_guard lock(snapshots_lock_);
  snapshots_[++snapshot_last_] = db_->GetSnapshot();
  return snapshot_last_;
}

const leveldb::Snapshot* LevelDbDatabase::snapshot(std::uint64_t number) const {
  const std::lock_guard lock(snapshots_lock_);
  const auto found = snapshots_.find(number);
  return found == snapshots_.end() ? nullptr : found->second;
}

void LevelDbDatabase::release_snapshot(std::uint64_t number) {
  const std::lock_guard lock(snapshots_lock_);
  const auto found = snapshots_.find(number);
  if (found == snapshots_.end()) return;
  db_->ReleaseSnapshot(found->second);
  snapshots_.erase(found);
}

LevelDbDatabase::CacheState* LevelDbDatabase::defined(CacheId id) {
  const auto found = caches_.find(id);
  return found != caches_.end() && found->second.definition ? &found->second : nullptr;
}

StoreError LevelDbDatabase::failure(std::string_view doing, const leveldb::Status& status) const {
  if (auto error = why_gone(doing)) return std::move(*error);
  const bool is_damage = status.IsCorruption() || status.IsNotFound();  // a file that should be there
  return StoreError{"cannot " + std::string(doing) + " the database " + path_ + ": " + status.ToString(),
                    is_damage};
}

std::optional<StoreError> LevelDbDatabase::why_gone(std::string_view doing) const {
  const auto misplaced = env_.misplaced();
  return misplaced ? std::optional(gone(doing, *misplaced)) : std::nullopt;
}

StoreError LevelDbDatabase::gone(std::string_view doing, const std::string& misplaced) const {
  return StoreError{
      "cannot " + std::string(doing) + " the database " + path_ + ": it is gone (" + misplaced +
      "). Nothing is written until it is back in its place; what is not on disk stays in memory"};
}

StoreError LevelDbDatabase::damaged(const std::string& what, const Damage& damage) const {
  return StoreError{"the database " + path_ + " is damaged: " + what + " " + damage.text, true};
}

}  // namespace pannier::storage
