#include "pannier/detail/result.h"

#include <utility>

#include "pannier/error.h"
#include "protocol/cursor.h"

namespace pannier::detail {

namespace {

using protocol::Bytes;
using protocol::Cursor;
using protocol::Type;

[[noreturn]] void throw_unexpected(std::string_view expected, Bytes found) {
  throw ProtocolError("the daemon answered " + protocol::described(found) + " where " +
                      std::string(expected) + " was expected");
}

template <class T>
T expect(std::optional<T> value, std::string_view expected, Bytes found) {
  if (!value) throw_unexpected(expected, found);
  return *std::move(value);
}

std::uint32_t array_size(Cursor& cursor, std::string_view expected) {
  const auto found = cursor.rest();
  return expect(cursor.read_array(), expected, found);
}

std::uint64_t next_count(Cursor& cursor, std::string_view expected = "an unsigned integer") {
  const auto found = cursor.rest();
  return expect(cursor.read_unsigned(), expected, found);
}

std::string next_string(Cursor& cursor, std::string_view expected = "a string") {
  const auto found = cursor.rest();
  return std::string(expect(cursor.read_string(), expected, found));
}

std::string next_object(Cursor& cursor) {
  const auto found = cursor.rest();
  return std::string(expect(cursor.read_object(), "a value", found));
}

std::optional<std::uint64_t> next_count_or_nil(Cursor& cursor) {
  if (cursor.read_nil()) return std::nullopt;
  return next_count(cursor, "an unsigned integer or nil");
}

std::optional<std::string> next_value(Cursor& cursor) {
  if (cursor.read_nil()) return std::nullopt;
  const auto found = cursor.rest();
  if (array_size(cursor, "nil or [value]") != 1) throw_unexpected("nil or [value]", found);
  return next_object(cursor);
}

/// Calls `take(name, cursor)` for each pair of a map, with a cursor on the value alone.
template <class Take>
void each_field(Bytes map, Take take) {
  Cursor cursor(map);
  const auto count = expect(cursor.read_map(), "a map", map);
  for (std::uint32_t i = 0; i < count; ++i) {
    const auto name = next_string(cursor, "a map with names");
    const auto value = next_object(cursor);
    take(std::string_view(name), Cursor(value));
  }
}

/// Fields by name, each with what to fill. A field of another type is left at its default.
struct Field {
  std::string_view name;
  std::uint64_t* count;
};
void fill(std::initializer_list<Field> fields, std::string_view name, Cursor value) {
  for (const auto& field : fields) {
    if (field.name == name) *field.count = value.read_unsigned().value_or(*field.count);
  }
}

void fill(std::string& target, Cursor value) {
  if (const auto text = value.read_string()) target = *text;
}

ServerInfo read_server_info(Bytes map) {
  ServerInfo info;
  each_field(map, [&](std::string_view name, Cursor value) {
    if (name == "version") fill(info.version, value);
    if (name == "last_read_error") fill(info.last_read_error, value);
    if (name == "access_needs_restart") info.access_needs_restart = value.read_bool().value_or(false);
    fill({{"pid", &info.pid},
          {"uptime_ms", &info.uptime_ms},
          {"connections", &info.connections},
          {"requests", &info.requests},
          {"memory_limit", &info.memory_limit},
          {"memory_used", &info.memory_used},
          {"expiry_lag_ms", &info.expiry_lag_ms},
          {"shared_readers", &info.shared_readers},
          {"read_errors", &info.read_errors},
          {"denied", &info.denied}},
         name, value);
  });
  return info;
}

}  // namespace

bool read_flag(std::string_view result) { return expect(Cursor(result).read_bool(), "a boolean", result); }

std::uint64_t read_count(std::string_view result) {
  Cursor cursor(result);
  return next_count(cursor);
}

std::int64_t read_integer(std::string_view result) {
  return expect(Cursor(result).read_integer(), "a 64-bit integer", result);
}

std::optional<Version> read_version(std::string_view result) {
  Cursor cursor(result);
  return next_count_or_nil(cursor);
}

std::vector<Version> read_versions(std::string_view result) {
  Cursor cursor(result);
  std::vector<Version> versions;
  for (auto left = array_size(cursor, "an array of versions"); left > 0; --left) {
    versions.push_back(next_count(cursor));
  }
  return versions;
}

std::optional<std::string> read_value(std::string_view result) {
  Cursor cursor(result);
  return next_value(cursor);
}

std::vector<std::optional<std::string>> read_values(std::string_view result) {
  Cursor cursor(result);
  std::vector<std::optional<std::string>> values;
  for (auto left = array_size(cursor, "an array of values"); left > 0; --left) {
    values.push_back(next_value(cursor));
  }
  return values;
}

std::optional<Entry<std::string>> read_entry(std::string_view result) {
  static constexpr std::string_view kExpected = "nil or [value, version, ttl_ms]";
  Cursor cursor(result);
  if (cursor.read_nil()) return std::nullopt;
  if (array_size(cursor, kExpected) != 3) throw_unexpected(kExpected, result);
  Entry<std::string> entry{next_object(cursor), next_count(cursor), std::nullopt};
  if (const auto ttl_ms = next_count_or_nil(cursor)) entry.ttl = std::chrono::milliseconds(*ttl_ms);
  return entry;
}

KeysPage read_keys_page(std::string_view result) {
  static constexpr std::string_view kExpected = "[next cursor, [key...]]";
  Cursor cursor(result);
  if (array_size(cursor, kExpected) != 2) throw_unexpected(kExpected, result);
  KeysPage page;
  if (!cursor.read_nil()) page.next = next_object(cursor);
  for (auto left = array_size(cursor, kExpected); left > 0; --left) page.keys.push_back(next_string(cursor));
  return page;
}

SyncResult read_sync(std::string_view result) {
  SyncResult sync;
  std::uint64_t duration_ms = 0;
  each_field(result, [&](std::string_view name, Cursor value) {
    fill({{"entries", &sync.entries}, {"bytes", &sync.bytes}, {"duration_ms", &duration_ms}}, name, value);
  });
  sync.duration = std::chrono::milliseconds(duration_ms);
  return sync;
}

ServerHello read_hello(std::string_view result) {
  ServerHello hello;
  each_field(result, [&](std::string_view name, Cursor value) {
    if (name == "server") fill(hello.server, value);
    if (name == "version") fill(hello.version, value);
    fill({{"protocol", &hello.protocol}, {"pid", &hello.pid}}, name, value);
    if (name != "limits") return;
    each_field(value.rest(), [&](std::string_view limit, Cursor number) {
      if (const auto count = number.read_unsigned()) hello.limits.emplace(limit, *count);
    });
  });
  return hello;
}

Info read_info(std::string_view result) {
  Info info;
  each_field(result, [&](std::string_view name, Cursor value) {
    if (name == "server") info.server = read_server_info(value.rest());
    if (name != "caches") return;
    each_field(value.rest(), [&](std::string_view cache, Cursor fields) {
      info.caches.emplace(cache, read_cache_info(fields.rest()));
    });
  });
  return info;
}

CacheInfo read_cache_info(std::string_view result) {
  CacheInfo info;
  DurableInfo durable;
  each_field(result, [&](std::string_view name, Cursor value) {
    if (name == "name") fill(info.name, value);
    if (name == "tier") fill(info.tier, value);
    if (name == "policy") fill(info.policy, value);
    if (name == "maxsize") info.maxsize = value.read_unsigned();
    if (name == "max_bytes") info.max_bytes = value.read_unsigned();
    if (name == "max_age_ms") info.max_age_ms = value.read_unsigned();
    if (name == "last_sync_ms") durable.last_sync_ms = value.read_unsigned();
    if (name == "last_sync_duration_ms") durable.last_sync_duration_ms = value.read_unsigned();
    if (name == "oldest_dirty_ms") durable.oldest_dirty_ms = value.read_unsigned();
    if (name == "last_error") fill(durable.last_error, value);
    fill({{"hits", &info.hits},
          {"misses", &info.misses},
          {"shared_hits", &info.shared_hits},
          {"currsize", &info.currsize},
          {"used_bytes", &info.used_bytes},
          {"puts", &info.puts},
          {"deletes", &info.deletes},
          {"evictions", &info.evictions},
          {"expirations", &info.expirations},
          {"dirty_entries", &durable.dirty_entries},
          {"dirty_bytes", &durable.dirty_bytes},
          {"sync_errors", &durable.sync_errors}},
         name, value);
  });
  if (info.tier == "durable") info.durable = durable;
  return info;
}

std::uint64_t read_sequence(std::string_view result) {
  std::uint64_t sequence = 0;
  each_field(result, [&](std::string_view name, Cursor value) {
    fill({{"sequence", &sequence}}, name, value);
  });
  return sequence;
}

Invalidation read_invalidation(std::string_view params) {
  static constexpr std::string_view kExpected = "[cache, [key...] or nil, sequence]";
  Cursor cursor(params);
  if (array_size(cursor, kExpected) < 3) throw_unexpected(kExpected, params);
  Invalidation invalidation{next_string(cursor, kExpected), std::nullopt, 0};
  if (!cursor.read_nil()) {
    auto& keys = invalidation.keys.emplace();
    for (auto left = array_size(cursor, kExpected); left > 0; --left) keys.push_back(next_string(cursor));
  }
  invalidation.sequence = next_count(cursor);
  return invalidation;
}

LeaseAnswer read_lease(std::string_view result) {
  static constexpr std::string_view kExpected = "[value], a token, [value, token] or nil";
  Cursor cursor(result);
  if (cursor.read_nil()) return {};
  if (cursor.peek() != Type::kArray) return {std::nullopt, false, next_count(cursor, kExpected)};
  const auto size = array_size(cursor, kExpected);
  if (size != 1 && size != 2) throw_unexpected(kExpected, result);
  LeaseAnswer answer{next_object(cursor), size == 2, std::nullopt};
  if (size == 2) answer.token = next_count_or_nil(cursor);
  return answer;
}

}  // namespace pannier::detail
