#include "storage/leveldb_store.h"

#include <algorithm>
#include <utility>

#include "storage/broken.h"
#include "storage/leveldb_database.h"
#include "storage/leveldb_image.h"
#include "storage/leveldb_records.h"
#include "storage/record.h"

namespace pannier::storage {

namespace {

constexpr std::size_t kStepKeyBytes = std::size_t{1}
                                      << 20;  // of keys in one answer of a scan or one step of erasing

void put_number(leveldb::WriteBatch& batch, const std::string& at, std::uint64_t number) {
  batch.Put(at, encode_number(at, number));
}

void put_count(leveldb::WriteBatch& batch, CacheId cache, std::uint64_t disk_entries) {
  put_number(batch, fact_key(CacheFact::kCount, cache), disk_entries);
}

void put_drop(leveldb::WriteBatch& batch, CacheId cache) {
  batch.Delete(fact_key(CacheFact::kDefinition, cache));
  put_number(batch, fact_key(CacheFact::kDrop, cache), cache);
}

/// Puts items into one write of LevelDB.
class ItemWriter {
 public:
  explicit ItemWriter(LevelDbDatabase& database) : database_(database), writes_(database.large_batch()) {}

  /// Adds to `added` what it changes in the number of its cache's records. The answer: whether there was one
  /// could not be read.
  std::optional<StoreError> add(const BatchItem& item, std::int64_t& added) {
    write_record_key(item.cache, item.key, at_);
    std::optional<StoreError> unreadable;
    if (was_there(item, unreadable)) --added;
    if (item.record) {
      write_record(at_, *item.record, bytes_);
      writes_.Put(at_, bytes_);
      ++added;
    } else {
      writes_.Delete(at_);
    }
    return unreadable;
  }
  leveldb::WriteBatch& writes() { return writes_; }

 private:
  // What cannot be read counts as absent: one bad block must not keep all else from being written, and
  // records are not looked for where a number is too low.
  bool was_there(const BatchItem& item, std::optional<StoreError>& unreadable) const {
    if (item.on_disk != OnDisk::kUnknown) return item.on_disk == OnDisk::kYes;
    const auto found = database_.has(at_);
    const auto* error = std::get_if<StoreError>(&found);
    if (error != nullptr) unreadable = *error;
    return error == nullptr && std::get<bool>(found);
  }

  const LevelDbDatabase& database_;
  leveldb::WriteBatch& writes_;
  std::string at_;
  std::string bytes_;
};

struct ItemOfBatch {
  const BatchItem* item;
  std::size_t batch;
  std::uint64_t key_start;  // most keys differ in it already
};

std::uint64_t start_of(std::string_view key) {
  std::uint64_t start = 0;
  for (std::size_t i = 0; i < sizeof start; ++i) {
    start = start << 8 | (i < key.size() ? static_cast<std::uint8_t>(key[i]) : 0U);
  }
  return start;
}

/// All of them as they will lie on disk, which makes them cheaper to write.
std::vector<ItemOfBatch> in_key_order(std::span<const Batch> batches) {
  std::vector<ItemOfBatch> items;
  for (std::size_t i = 0; i < batches.size(); ++i) {
    for (const BatchItem& item : batches[i].items) items.push_back({&item, i, start_of(item.key)});
  }
  std::ranges::sort(items, [](const ItemOfBatch& left, const ItemOfBatch& right) {
    if (left.item->cache != right.item->cache) return left.item->cache < right.item->cache;
    if (left.key_start != right.key_start) return left.key_start < right.key_start;
    return left.item->key < right.item->key;
  });
  return items;
}

}  // namespace

LevelDbStore::LevelDbStore(std::unique_ptr<LevelDbDatabase> database) : database_(std::move(database)) {}
LevelDbStore::~LevelDbStore() = default;

std::variant<std::unique_ptr<LevelDbStore>, StoreError> LevelDbStore::open(std::string path,
                                                                           const LevelDbOptions& options,
                                                                           leveldb::Env* env,
                                                                           SyncDirectory sync_names) {
  auto database = std::make_unique<LevelDbDatabase>(std::move(path), options, env, std::move(sync_names));
  if (auto error = database->open()) return std::move(*error);
  return std::unique_ptr<LevelDbStore>(new LevelDbStore(std::move(database)));
}

const std::vector<std::string>& LevelDbStore::notes() const { return database_->notes(); }

std::optional<StoreError> LevelDbStore::reopen() { return database_->reopen(); }

std::variant<Rested, StoreError> LevelDbStore::rest() {
  if (auto error = database_->why_unwritable()) return std::move(*error);
  return database_->shorten_log();
}

std::variant<std::vector<Definition>, StoreError> LevelDbStore::definitions() const {
  if (auto error = database_->why_closed()) return std::move(*error);
  std::vector<Definition> found;
  for (const auto& [id, cache] : database_->caches()) {
    if (!cache.definition) continue;
    found.push_back({id, cache.definition->name, cache.definition->settings, cache.disk_entries});
  }
  return found;
}

std::variant<std::vector<CacheId>, StoreError> LevelDbStore::unfinished_drops() const {
  if (auto error = database_->why_closed()) return std::move(*error);
  std::vector<CacheId> found;
  for (const auto& [id, cache] : database_->caches()) {
    if (cache.is_dropping) found.push_back(id);
  }
  return found;
}

std::optional<StoreError> LevelDbStore::define(CacheId id, std::string_view name, const Settings& settings) {
  if (auto error = database_->why_unwritable()) return error;
  auto& caches = database_->caches();
  const auto present = caches.find(id);
  const std::uint64_t disk_entries = present == caches.end() ? 0 : present->second.disk_entries;
  leveldb::WriteBatch batch;
  std::optional<CacheId> namesake;
  for (const auto& [other_id, other] : caches) {
    if (other_id != id && other.definition && other.definition->name == name) namesake = other_id;
  }
  if (namesake) put_drop(batch, *namesake);
  const std::string at = fact_key(CacheFact::kDefinition, id);
  batch.Put(at, encode_definition(at, name, settings));
  put_count(batch, id, disk_entries);
  if (auto error = database_->commit(batch)) return error;
  caches[id].definition = NamedSettings{std::string(name), settings};
  if (namesake) {
    caches[*namesake].definition.reset();
    caches[*namesake].is_dropping = true;
  }
  return std::nullopt;
}

std::optional<StoreError> LevelDbStore::begin_drop(CacheId id) {
  if (auto error = database_->why_unwritable()) return error;
  leveldb::WriteBatch batch;
  put_drop(batch, id);
  if (auto error = database_->commit(batch)) return error;
  LevelDbDatabase::CacheState& cache = database_->caches()[id];
  cache.definition.reset();
  cache.is_dropping = true;
  return std::nullopt;
}

std::optional<StoreError> LevelDbStore::end_drop(CacheId id) {
  if (auto error = database_->why_unwritable()) return error;
  leveldb::WriteBatch batch;
  batch.Delete(fact_key(CacheFact::kDrop, id));
  batch.Delete(fact_key(CacheFact::kCount, id));
  if (auto error = database_->commit(batch)) return error;
  database_->caches().erase(id);
  return std::nullopt;
}

std::variant<std::vector<Wrote>, StoreError> LevelDbStore::write(std::span<const Batch> batches) {
  if (auto error = database_->why_unwritable()) return std::move(*error);
  ItemWriter writer(*database_);
  std::vector<Wrote> wrote(batches.size());
  std::map<CacheId, std::vector<std::int64_t>> added;  // by batch
  std::vector<std::int64_t>* added_to = nullptr;
  CacheId id = kNoCache;
  for (const auto& [item, batch, start] : in_key_order(batches)) {
    if (item->cache != id) {
      id = item->cache;
      const bool is_defined = database_->defined(id) != nullptr;
      added_to = is_defined ? &added.try_emplace(id, batches.size()).first->second : nullptr;
    }
    if (added_to == nullptr) continue;
    auto unreadable = writer.add(*item, (*added_to)[batch]);
    if (!unreadable) continue;
    // What is no damage may be over when it is tried again.
    if (!unreadable->is_damage && !std::exchange(looks_up_again_, true)) return std::move(*unreadable);
    if (!wrote[batch].unreadable) wrote[batch].unreadable = std::move(unreadable);
  }
  looks_up_again_ = false;
  if (added.empty()) return wrote;
  for (const auto& [cache, by_batch] : added) {
    std::uint64_t disk_entries = database_->caches()[cache].disk_entries;
    for (std::size_t i = 0; i < batches.size(); ++i) {
      if (by_batch[i] < 0 && disk_entries < static_cast<std::uint64_t>(-by_batch[i]))
        broken("a key is said to be on disk, of a cache without records there");
      disk_entries += static_cast<std::uint64_t>(by_batch[i]);
      wrote[i].counts.push_back({cache, disk_entries});
    }
    put_count(writer.writes(), cache, disk_entries);
  }
  if (auto error = database_->commit(writer.writes())) return std::move(*error);
  for (const DiskEntries& count : wrote.back().counts)
    database_->caches()[count.cache].disk_entries = count.disk_entries;
  return wrote;
}

std::variant<ErasedSome, StoreError> LevelDbStore::erase_some(const EraseRange& range,
                                                              std::uint64_t steps_max) {
  if (auto error = database_->why_unwritable()) return std::move(*error);
  const auto cache = database_->caches().find(range.cache);
  if (cache == database_->caches().end()) return ErasedSome{};
  ErasedSome erased{0, cache->second.disk_entries, std::nullopt, std::nullopt};
  leveldb::WriteBatch batch;
  bool erases_any = false;
  std::size_t key_bytes = 0;
  RecordRange records(*database_, range.cache, range.prefix, range.from_key);
  for (std::uint64_t steps = 0; records.has_record(); records.next(), ++steps) {
    if (steps >= steps_max || key_bytes >= kStepKeyBytes) {
      erased.next_key = records.key();
      break;
    }
    key_bytes += records.key().size();
    const auto record = records.found();
    const auto* intact = std::get_if<RecordView>(&record);
    if (intact != nullptr && intact->version > range.version_max) continue;
    if (records.gap() && std::holds_alternative<StoreError>(records.record())) continue;
    if (intact != nullptr && intact->deadline > range.now) ++erased.erased_live;
    if (erased.disk_entries > 0)
      --erased.disk_entries;  // a wrong number must not keep a range from being erased
    batch.Delete(slice(records.at()));
    erases_any = true;
  }
  erased.unreadable = records.gap();
  if (!erases_any) return erased;
  put_count(batch, range.cache, erased.disk_entries);
  if (auto error = database_->commit(batch)) return std::move(*error);
  cache->second.disk_entries = erased.disk_entries;
  return erased;
}

std::variant<Record, Absent, StoreError> LevelDbStore::load(CacheId cache, std::string_view key) const {
  const auto lock = database_->read_lock();
  if (auto error = database_->why_closed()) return std::move(*error);
  const std::string at = record_key(cache, key);
  const auto found = database_->value_at(at, "read the record of " + named(cache, key) + " in");
  if (const auto* error = std::get_if<StoreError>(&found)) return *error;
  const auto& bytes = std::get<0>(found);
  if (!bytes) return Absent{};
  const auto record = decode_record(at, *bytes);
  if (const auto* damage = std::get_if<Damage>(&record))
    return database_->damaged("the record of " + named(cache, key), *damage);
  return copy_of(std::get<RecordView>(record));
}

std::variant<Scanned, StoreError> LevelDbStore::scan(CacheId cache, std::string_view prefix,
                                                     std::string_view from_key,
                                                     std::uint64_t keys_max) const {
  const auto lock = database_->read_lock();
  if (auto error = database_->why_closed()) return std::move(*error);
  Scanned scanned;
  std::uint64_t steps = 0;
  std::size_t key_bytes = 0;
  RecordRange records(*database_, cache, prefix, from_key);
  for (; records.has_record(); records.next()) {
    if (steps >= keys_max || key_bytes >= kStepKeyBytes) {
      scanned.next_key = records.key();
      break;
    }
    ++steps;
    key_bytes += records.key().size();
    const auto record = records.record();
    if (const auto* error = std::get_if<StoreError>(&record)) {
      if (!scanned.unreadable) scanned.unreadable = *error;
      continue;
    }
    const auto& intact = std::get<RecordView>(record);
    scanned.keys.push_back({std::string(records.key()), intact.version, intact.deadline, intact.stale_ms});
  }
  if (records.gap()) scanned.unreadable = records.gap();
  return scanned;
}

std::variant<std::shared_ptr<const StoreImage>, StoreError> LevelDbStore::open_image() {
  const auto lock = database_->read_lock();
  if (auto error = database_->why_closed()) return std::move(*error);
  return std::make_shared<const LevelDbImage>(*database_);
}

std::variant<Version, StoreError> LevelDbStore::reserved_versions() const {
  if (auto error = database_->why_closed()) return std::move(*error);
  const auto found = database_->number_at(versions_key());
  if (const auto* error = std::get_if<StoreError>(&found)) return *error;
  return std::get<0>(found).value_or(0);
}

std::optional<StoreError> LevelDbStore::reserve_versions(Version bound) {
  if (auto error = database_->why_unwritable()) return error;
  leveldb::WriteBatch batch;
  put_number(batch, versions_key(), bound);
  return database_->commit(batch);
}

std::variant<std::string, StoreError> LevelDbStore::identity() const {
  if (auto error = database_->why_closed()) return std::move(*error);
  return database_->identity();
}

}  // namespace pannier::storage
