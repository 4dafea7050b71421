#include "client/cli/backup_source.h"

#include <optional>
#include <utility>

#include "protocol/cursor.h"
#include "protocol/writer.h"

namespace pannier::cli {

namespace {

using protocol::Cursor;

[[noreturn]] void throw_unexpected() {
  throw ProtocolError("the daemon's answer about the backup is of another form");
}

template <class T>
T required(std::optional<T> field) {
  if (!field) throw_unexpected();
  return *std::move(field);
}

BackupCache read_cache(Cursor& fields) {
  BackupCache cache;
  for (auto left = required(fields.read_map()); left > 0; --left) {
    const auto name = required(fields.read_string());
    Cursor value(required(fields.read_object()));
    if (name == "name") cache.name = required(value.read_string());
    if (name == "entries") cache.entries = required(value.read_unsigned());
    if (name == "max_age_ms") cache.max_age_ms = value.read_unsigned();
    if (name == "stale_ms") cache.stale_ms = required(value.read_unsigned());
    if (name == "reserved_bytes") cache.reserved_bytes = required(value.read_unsigned());
  }
  return cache;
}

BackupRecord read_record(Cursor& items) {
  if (required(items.read_array()) < 6) throw_unexpected();
  BackupRecord record;
  record.cache = static_cast<std::uint32_t>(required(items.read_unsigned()));
  record.key = required(items.read_string());
  record.value = required(items.read_object());
  record.version = required(items.read_unsigned());
  if (!items.read_nil()) record.deadline_ms = required(items.read_integer());
  record.stale_ms = required(items.read_unsigned());
  return record;
}

MissingEntries read_missing(Cursor& fields) {
  MissingEntries missing;
  for (auto left = required(fields.read_map()); left > 0; --left) {
    const auto name = required(fields.read_string());
    Cursor value(required(fields.read_object()));
    if (name == "cache") missing.cache = static_cast<std::uint32_t>(required(value.read_unsigned()));
    if (name == "entries") missing.entries = required(value.read_unsigned());
    if (name == "error") missing.error = required(value.read_string());
    if (name != "keys") continue;
    for (auto keys_left = required(value.read_array()); keys_left > 0; --keys_left) {
      missing.keys.emplace_back(required(value.read_string()));
    }
  }
  return missing;
}

BackupSource::End read_end(Cursor& answer) {
  BackupSource::End end;
  if (answer.read_nil()) return end;
  for (auto left = required(answer.read_map()); left > 0; --left) {
    const auto name = required(answer.read_string());
    Cursor value(required(answer.read_object()));
    if (name != "missing") continue;
    for (auto caches_left = required(value.read_array()); caches_left > 0; --caches_left) {
      end.missing.push_back(read_missing(value));
    }
  }
  return end;
}

}  // namespace

BackupSource::BackupSource(Client& client, const std::vector<std::string>& caches) : client_(client) {
  const auto params =
      caches.empty() ? std::string("\x90") : pack(std::vector<std::vector<std::string>>{caches});
  const auto answer = client_.call("backup", params);
  Cursor fields(answer);
  for (auto left = required(fields.read_map()); left > 0; --left) {
    const auto name = required(fields.read_string());
    Cursor value(required(fields.read_object()));
    if (name == "time_ms") made_at_ms_ = required(value.read_integer());
    if (name != "caches") continue;
    for (auto caches_left = required(value.read_array()); caches_left > 0; --caches_left) {
      caches_.push_back(read_cache(value));
    }
  }
}

std::variant<BackupSource::Records, BackupSource::End> BackupSource::next() {
  std::string params;
  protocol::Writer writer(params);
  writer.array(1);
  writer.unsigned_integer(pieces_++);
  answer_ = client_.call("backup_next", params);
  Cursor answer(answer_);
  const auto count = answer.read_array();
  if (!count) return read_end(answer);
  Records records;
  for (auto left = *count; left > 0; --left) records.push_back(read_record(answer));
  return records;
}

}  // namespace pannier::cli
