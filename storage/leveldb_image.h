// LevelDbImage: the records of a LevelDB database as they were at one moment: a snapshot of LevelDB, until
// the database is closed.
#pragma once

#include <cstdint>
#include <map>
#include <string_view>
#include <variant>

#include "storage/durable_store.h"
#include "storage/leveldb_database.h"

namespace pannier::storage {

class LevelDbImage final : public StoreImage {
 public:
  /// The caller is the writing thread, and holds a read lock.
  explicit LevelDbImage(LevelDbDatabase& database);
  ~LevelDbImage() override;

  std::variant<ImagePiece, StoreError> read(CacheId cache, std::string_view from_key,
                                            std::uint64_t bytes_max) const override;
  std::uint64_t disk_entries(CacheId cache) const override;

 private:
  LevelDbDatabase& database_;
  std::uint64_t snapshot_;
  std::map<CacheId, std::uint64_t> disk_entries_;
};

}  // namespace pannier::storage
