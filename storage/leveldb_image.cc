#include "storage/leveldb_image.h"

#include <string>

#include "storage/leveldb_records.h"

namespace pannier::storage {

namespace {

constexpr std::uint64_t kImageRecordBytes = 64;  // so that many small ones are not too many

}  // namespace

LevelDbImage::LevelDbImage(LevelDbDatabase& database)
    : database_(database), snapshot_(database.take_snapshot()) {
  for (const auto& [id, cache] : database.caches()) disk_entries_[id] = cache.disk_entries;
}

LevelDbImage::~LevelDbImage() {
  const auto lock = database_.read_lock();
  database_.release_snapshot(snapshot_);
}

std::variant<ImagePiece, StoreError> LevelDbImage::read(CacheId cache, std::string_view from_key,
                                                        std::uint64_t bytes_max) const {
  const auto lock = database_.read_lock();
  const leveldb::Snapshot* snapshot = database_.snapshot(snapshot_);
  if (snapshot == nullptr) return StoreError{"the image is gone: the database was opened again since"};
  ImagePiece piece;
  std::uint64_t bytes = 0;
  RecordRange records(database_, cache, "", from_key, snapshot);
  for (; records.has_record(); records.next()) {
    if (bytes >= bytes_max) {
      piece.next_key = records.key();
      break;
    }
    std::string key(records.key());
    bytes += key.size() + kImageRecordBytes;
    const auto record = records.record();
    if (const auto* error = std::get_if<StoreError>(&record)) {
      piece.unreadable.push_back({std::move(key), *error});
      continue;
    }
    const auto& intact = std::get<RecordView>(record);
    bytes += intact.value.size();
    piece.records.push_back({std::move(key), copy_of(intact)});
  }
  if (records.gap()) piece.unreadable.push_back({std::nullopt, *records.gap()});
  // Nothing is damaged by being elsewhere.
  if (auto gone = piece.unreadable.empty() ? std::nullopt : database_.why_gone("read"))
    return std::move(*gone);
  return piece;
}

std::uint64_t LevelDbImage::disk_entries(CacheId cache) const {
  const auto found = disk_entries_.find(cache);
  return found == disk_entries_.end() ? 0 : found->second;
}

}  // namespace pannier::storage
