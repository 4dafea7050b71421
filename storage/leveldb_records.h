// RecordRange: the records of a cache on disk whose keys start with a prefix, in order, from one key on. It
// goes on past what cannot be read and says so.
//
// Damage hides more than what it hit: where a block of LevelDB cannot be read, an older record of one of its
// keys, or one that was erased since, comes to light. So behind a gap each record is looked up once more, by
// which LevelDB finds that it cannot know the newest.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "storage/leveldb_database.h"
#include "storage/record.h"

namespace pannier::storage {

Record copy_of(const RecordView& record);

/// "cache 7, key \"k\"," for messages.
std::string named(CacheId cache, std::string_view key);

class RecordRange {
 public:
  /// `snapshot`: null for what is there now. The caller holds a read lock, or is the writing thread.
  RecordRange(const LevelDbDatabase& database, CacheId cache, std::string_view prefix,
              std::string_view from_key, const leveldb::Snapshot* snapshot = nullptr);

  bool has_record() const { return entry_->Valid() && at().starts_with(prefix_); }
  void next();
  std::string_view at() const { return view(entry_->key()); }
  std::string_view key() const { return key_of_record(at()); }
  /// What lies here.
  std::variant<RecordView, Damage> found() const { return decode_record(at(), view(entry_->value())); }
  /// The record of key(), or why it cannot be read.
  std::variant<RecordView, StoreError> record() const;
  /// The first place so far at which records may be missing.
  const std::optional<StoreError>& gap() const { return gap_; }

 private:
  void look_for_gap();

  const LevelDbDatabase& database_;
  CacheId cache_;
  std::string prefix_;
  const leveldb::Snapshot* snapshot_;
  std::unique_ptr<leveldb::Iterator> entry_;
  std::optional<StoreError> gap_;
};

}  // namespace pannier::storage
