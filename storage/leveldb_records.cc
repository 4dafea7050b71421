#include "storage/leveldb_records.h"

#include <algorithm>
#include <cstdio>

namespace pannier::storage {

namespace {

constexpr std::size_t kQuotedBytes = 80;

std::string quoted(std::string_view key) {
  std::string text = "\"";
  for (const char byte : key.substr(0, kQuotedBytes)) {
    const auto code = static_cast<unsigned char>(byte);
    char escaped[5];
    std::snprintf(escaped, sizeof escaped, code < 0x20 || code > 0x7e ? "\\x%02x" : "%c", code);
    if (byte == '"' || byte == '\\') text.push_back('\\');
    text += escaped;
  }
  return text + (key.size() > kQuotedBytes ? "\"..." : "\"");
}

}  // namespace

Record copy_of(const RecordView& record) {
  return {std::string(record.value), record.version, record.deadline, record.stale_ms};
}

std::string named(CacheId cache, std::string_view key) {
  return "cache " + std::to_string(cache) + ", key " + quoted(key) + ",";
}

RecordRange::RecordRange(const LevelDbDatabase& database, CacheId cache, std::string_view prefix,
                         std::string_view from_key, const leveldb::Snapshot* snapshot)
    : database_(database),
      cache_(cache),
      prefix_(record_key(cache, prefix)),
      snapshot_(snapshot),
      entry_(database.iterator(snapshot)) {
  entry_->Seek(std::max(prefix_, record_key(cache, from_key)));
  look_for_gap();
}

void RecordRange::next() {
  entry_->Next();
  look_for_gap();
}

std::variant<RecordView, StoreError> RecordRange::record() const {
  const auto record = found();
  if (const auto* damage = std::get_if<Damage>(&record))
    return database_.damaged("the record of " + named(cache_, key()), *damage);
  if (gap_) {
    const auto newest = database_.value_at(std::string(at()),
                                           "read the record of " + named(cache_, key()) + " in", snapshot_);
    if (const auto* error = std::get_if<StoreError>(&newest)) return *error;
  }
  return std::get<RecordView>(record);
}

void RecordRange::look_for_gap() {
  if (gap_) return;
  const leveldb::Status status = entry_->status();
  if (status.ok()) return;
  const std::string place = has_record() ? " around key " + quoted(key()) : " from some key to its end";
  gap_ = database_.failure("read records of cache " + std::to_string(cache_) + place + " in", status);
}

}  // namespace pannier::storage
