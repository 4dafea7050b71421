// LevelDB's repair puts together what it can read of logs and tables, without asking whether it is what was
// written: records have their own checksums, by which they are gone through here. Then the facts are made to
// agree with them.
#include <leveldb/db.h>
#include <leveldb/filter_policy.h>
#include <leveldb/write_batch.h>

#include <algorithm>
#include <map>
#include <memory>
#include <utility>

#include "storage/leveldb_database.h"
#include "storage/leveldb_env.h"
#include "storage/record.h"
#include "storage/repair.h"

namespace pannier::storage {

namespace {

constexpr std::size_t kBatchBytes = std::size_t{1} << 20;
/// Beyond what was seen: what is lost may have had versions up to a bound that is lost too.
constexpr Version kVersionMargin = Version{1} << 32;

class Repair {
 public:
  explicit Repair(std::string path)
      : path_(std::move(path)),
        env_(&system_, sync_directory),
        filter_(leveldb::NewBloomFilterPolicy(kBloomBitsPerKey)) {
    options_.env = &env_;
    options_.info_log = &logger_;
    options_.filter_policy = filter_.get();
    options_.paranoid_checks = true;  // else it takes what does not match its checksum
  }

  std::variant<Repaired, StoreError> run() {
    if (auto error = put_together()) return std::move(*error);
    if (auto error = read_all()) return std::move(*error);
    if (layout_ && *layout_ != kLayout) {
      return StoreError{"the database " + path_ + " has layout " + std::to_string(*layout_) +
                        ", this program repairs " + std::to_string(kLayout)};
    }
    if (caches_.empty() && !layout_) {
      return StoreError{"the database " + path_ + " holds nothing that Pannier has written"};
    }
    if (auto error = write_facts()) return std::move(*error);
    return std::move(done_);
  }

 private:
  struct Found {
    std::optional<NamedSettings> definition;
    bool is_dropping = false;
    std::optional<std::uint64_t> noted;
    std::uint64_t saved = 0;
    std::uint64_t damaged = 0;
  };

  std::optional<StoreError> put_together() {
    if (const auto status = leveldb::RepairDB(path_, options_); !status.ok())
      return failure("repair", status);
    leveldb::DB* opened = nullptr;
    if (const auto status = leveldb::DB::Open(options_, path_, &opened); !status.ok()) {
      return failure("open", status);
    }
    db_.reset(opened);
    return std::nullopt;
  }

  std::optional<StoreError> read_all() {
    leveldb::ReadOptions options;
    options.verify_checksums = true;
    options.fill_cache = false;
    const std::unique_ptr<leveldb::Iterator> entry(db_->NewIterator(options));
    for (entry->SeekToFirst(); entry->Valid(); entry->Next()) {
      const std::string_view key = view(entry->key());
      const bool is_intact = cache_of_record(key) == kNoCache ? read_fact(key, view(entry->value()))
                                                              : read_record(key, view(entry->value()));
      if (!is_intact) batch_.Delete(slice(key));
      if (batch_.ApproximateSize() < kBatchBytes) continue;
      if (auto error = commit()) return error;
    }
    if (!entry->status().ok()) return failure("read", entry->status());
    return std::nullopt;
  }

  bool read_record(std::string_view key, std::string_view value) {
    Found& cache = caches_[cache_of_record(key)];
    const auto record = decode_record(key, value);
    const auto* intact = std::get_if<RecordView>(&record);
    ++(intact != nullptr ? cache.saved : cache.damaged);
    if (intact != nullptr) version_last_ = std::max(version_last_, intact->version);
    return intact != nullptr;
  }

  bool read_fact(std::string_view key, std::string_view value) {
    const bool is_intact = note_fact(key, value);
    if (!is_intact) ++done_.damaged_facts;
    return is_intact;
  }

  bool note_fact(std::string_view key, std::string_view value) {
    if (key == identity_key()) return std::holds_alternative<std::string>(decode_identity(key, value));
    const std::optional<CacheId> id = cache_of_fact(key);
    if (id && key.starts_with(fact_prefix(CacheFact::kDefinition))) {
      auto definition = decode_definition(key, value);
      auto* intact = std::get_if<NamedSettings>(&definition);
      if (intact != nullptr) caches_[*id].definition = std::move(*intact);
      return intact != nullptr;
    }
    const auto number = decode_number(key, value);
    const auto* intact = std::get_if<std::uint64_t>(&number);
    if (intact == nullptr) return false;
    if (key == format_key()) layout_ = *intact;
    if (key == versions_key()) version_last_ = std::max(version_last_, *intact);
    if (id && key.starts_with(fact_prefix(CacheFact::kCount))) caches_[*id].noted = *intact;
    if (id && key.starts_with(fact_prefix(CacheFact::kDrop))) caches_[*id].is_dropping = true;
    return true;
  }

  std::optional<StoreError> write_facts() {
    put_number(format_key(), kLayout);
    put_number(versions_key(), std::min(version_last_ + kVersionMargin, kVersionMax));
    // The next daemon gives it a new one: memory that belongs to the old one may know records that are lost.
    batch_.Delete(identity_key());
    for (auto& [id, cache] : caches_) write_cache(id, cache);
    return commit();
  }

  void write_cache(CacheId id, Found& cache) {
    if (cache.is_dropping && !cache.definition) {
      put_number(fact_key(CacheFact::kCount, id), cache.saved);
      return;
    }
    const bool is_renamed = !cache.definition;
    // Nothing of it is left but its note.
    if (is_renamed && cache.saved == 0 && cache.damaged == 0 && cache.noted.value_or(0) == 0) {
      batch_.Delete(fact_key(CacheFact::kCount, id));
      return;
    }
    if (is_renamed) {
      cache.definition = NamedSettings{free_name(id), {}};
      cache.definition->settings.tier = Tier::kDurable;
      const std::string at = fact_key(CacheFact::kDefinition, id);
      batch_.Put(at, encode_definition(at, cache.definition->name, cache.definition->settings));
    }
    batch_.Delete(fact_key(CacheFact::kDrop, id));
    put_number(fact_key(CacheFact::kCount, id), cache.saved);
    done_.caches.push_back({cache.definition->name, is_renamed, cache.saved, cache.damaged, cache.noted});
  }

  std::string free_name(CacheId id) const {
    std::string name = "lost-" + std::to_string(id);
    const auto is_taken = [&](const auto& cache) {
      return cache.second.definition && cache.second.definition->name == name;
    };
    while (std::ranges::any_of(caches_, is_taken)) name += "-";
    return name;
  }

  void put_number(const std::string& at, std::uint64_t number) { batch_.Put(at, encode_number(at, number)); }

  std::optional<StoreError> commit() {
    leveldb::WriteOptions synced;
    synced.sync = true;
    const auto status = db_->Write(synced, &batch_);
    batch_.Clear();
    return status.ok() ? std::nullopt : std::optional(failure("write to", status));
  }

  StoreError failure(std::string_view doing, const leveldb::Status& status) const {
    return StoreError{"cannot " + std::string(doing) + " the database " + path_ + ": " + status.ToString()};
  }

  std::string path_;
  SystemEnv system_;
  DurableNamesEnv env_;
  SilentLogger logger_;
  std::unique_ptr<const leveldb::FilterPolicy> filter_;
  leveldb::Options options_;
  std::unique_ptr<leveldb::DB> db_;
  leveldb::WriteBatch batch_;
  std::map<CacheId, Found> caches_;
  std::optional<std::uint64_t> layout_;
  Version version_last_ = 0;
  Repaired done_;
};

}  // namespace

std::variant<Repaired, StoreError> repair_database(const std::string& path) { return Repair(path).run(); }

}  // namespace pannier::storage
