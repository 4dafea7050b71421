// Record: how keys and values of the durable tier's database are laid out in bytes. DISK.md is the document
// of it; a change here is a new format number there. Knows no LevelDB: it turns values into strings and back.
//
// Every value in the database is sealed: its last 8 bytes are a checksum (XXH3, 64 bits) over its key in the
// database and all bytes before. So a value that was cut short, altered, or stored under another key is
// refused. XXH3 was chosen over a CRC of 32 bits because LevelDB has one of those already, block by block:
// what it lets through needs a wider one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "storage/durable_store.h"
#include "storage/settings.h"
#include "storage/types.h"

namespace pannier::storage {

/// What is wrong with bytes read from disk: "checksum does not match"... Whose they are is for the caller to
/// add.
struct Damage {
  std::string text;
};

// -- keys in the database: a cache is one range, in the order of its keys. Cache id 0 is no cache: its range,
//    the first, holds what is not an entry.

inline constexpr CacheId kNoCache = 0;
inline constexpr std::size_t kCacheIdBytes = 4;

std::string record_key(CacheId cache, std::string_view key);
/// The same into a string that may be used again, which saves its memory being taken each time.
void write_record_key(CacheId cache, std::string_view key, std::string& at);
/// The cache within a record_key; kNoCache if it is the key of what is not an entry.
CacheId cache_of_record(std::string_view record_key);
/// The key of a cache's entry within a record_key.
std::string_view key_of_record(std::string_view record_key);

/// What there is once a cache, in the range of kNoCache.
enum class CacheFact : std::uint8_t { kDefinition = 2, kCount = 3, kDrop = 4 };
std::string fact_key(CacheFact fact, CacheId cache);
/// The start of all keys of one kind of fact.
std::string fact_prefix(CacheFact fact);
/// Nothing if the key is no fact about a cache.
std::optional<CacheId> cache_of_fact(std::string_view fact_key);

std::string format_key();
std::string versions_key();
std::string identity_key();

// -- values; `at` is the value's key in the database

std::string encode_record(std::string_view at, const Record& record);
/// The same into a string that may be used again.
void write_record(std::string_view at, const Record& record, std::string& bytes);

/// A record within its bytes.
struct RecordView {
  std::string_view value;
  Version version;
  TimeMs deadline;
  std::uint64_t stale_ms;
};
std::variant<RecordView, Damage> decode_record(std::string_view at, std::string_view bytes);

struct NamedSettings {
  std::string name;
  Settings settings;
};
std::string encode_definition(std::string_view at, std::string_view name, const Settings& settings);
std::variant<NamedSettings, Damage> decode_definition(std::string_view at, std::string_view bytes);

/// Counts, versions, and the format's number.
std::string encode_number(std::string_view at, std::uint64_t number);
std::variant<std::uint64_t, Damage> decode_number(std::string_view at, std::string_view bytes);

/// The database's identity: kIdentityDigits hexadecimal digits.
inline constexpr std::size_t kIdentityDigits = 32;
std::string encode_identity(std::string_view at, std::string_view identity);
std::variant<std::string, Damage> decode_identity(std::string_view at, std::string_view bytes);

}  // namespace pannier::storage
