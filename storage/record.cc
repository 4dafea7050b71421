#include "storage/record.h"

#include <array>

#include "storage/broken.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace pannier::storage {

namespace {

constexpr std::uint8_t kRecordFormat = 1;
constexpr std::uint8_t kDefinitionFormat = 1;
constexpr std::uint8_t kNumberFormat = 1;
constexpr std::uint8_t kIdentityFormat = 1;

// A record's flags: which optional fields follow.
constexpr std::uint8_t kHasDeadline = 1;
constexpr std::uint8_t kHasStale = 2;

// A definition's flags.
constexpr std::uint8_t kHasEntriesMax = 1;
constexpr std::uint8_t kHasBytesMax = 2;
constexpr std::uint8_t kHasAgeMax = 4;

constexpr std::uint8_t kFormatTag = 1;
constexpr std::uint8_t kVersionsTag = 5;
constexpr std::uint8_t kIdentityTag = 6;

constexpr std::size_t kChecksumBytes = 8;

struct TierCode {
  Tier tier;
  std::uint8_t code;
};
constexpr std::array kTierCodes{TierCode{Tier::kLru, 1}, TierCode{Tier::kTtl, 2},
                                TierCode{Tier::kDurable, 3}};

struct PolicyCode {
  PolicyKind policy;
  std::uint8_t code;
};
constexpr std::array kPolicyCodes{PolicyCode{PolicyKind::kLru, 1}, PolicyCode{PolicyKind::kFifo, 2}};

void append_number(std::string& out, std::uint64_t number, std::size_t bytes) {
  std::array<char, sizeof number> digits;
  for (char& digit : digits) {
    digit = static_cast<char>(number >> 56);
    number <<= 8;
  }
  out.append(digits.data() + digits.size() - bytes, bytes);
}

void append_byte(std::string& out, std::uint8_t byte) { out.push_back(static_cast<char>(byte)); }

std::uint64_t number_in(std::string_view bytes) {
  std::uint64_t number = 0;
  for (const char byte : bytes) number = number << 8 | static_cast<std::uint8_t>(byte);
  return number;
}

std::uint64_t checksum(std::string_view at, std::string_view body) {
  return XXH3_64bits_withSeed(body.data(), body.size(), XXH3_64bits(at.data(), at.size()));
}

void seal(std::string_view at, std::string& body) { append_number(body, checksum(at, body), kChecksumBytes); }

/// Takes the fields of a sealed value one after the other. Once one is missing, all are.
class Fields {
 public:
  explicit Fields(std::string_view body) : left_(body) {}

  std::uint64_t number(std::size_t bytes) { return number_in(take(bytes)); }
  std::uint8_t byte() { return static_cast<std::uint8_t>(number(1)); }
  std::string_view take(std::size_t bytes) {
    if (bytes > left_.size()) is_short_ = true;
    if (is_short_) return {};
    const std::string_view taken = left_.substr(0, bytes);
    left_.remove_prefix(bytes);
    return taken;
  }
  std::string_view rest() { return take(left_.size()); }
  /// All fields were there, and nothing is left.
  bool is_exact() const { return !is_short_ && left_.empty(); }

 private:
  std::string_view left_;
  bool is_short_ = false;
};

/// The body without its checksum, from behind the format's number on.
std::variant<Fields, Damage> unseal(std::string_view at, std::string_view bytes, std::uint8_t format) {
  if (bytes.size() <= kChecksumBytes) {
    return Damage{"is cut short: " + std::to_string(bytes.size()) + " bytes"};
  }
  const std::string_view body = bytes.substr(0, bytes.size() - kChecksumBytes);
  if (number_in(bytes.substr(body.size())) != checksum(at, body)) {
    return Damage{"does not match its checksum"};
  }
  Fields fields(body);
  if (const std::uint8_t found = fields.byte(); found != format) {
    return Damage{"has format " + std::to_string(found) + ", this program reads " + std::to_string(format)};
  }
  return fields;
}

Damage malformed() { return Damage{"is malformed though its checksum is right"}; }

std::uint8_t code_of(Tier tier) {
  for (const TierCode& row : kTierCodes) {
    if (row.tier == tier) return row.code;
  }
  broken("a tier without a code on disk");
}

std::uint8_t code_of(PolicyKind policy) {
  for (const PolicyCode& row : kPolicyCodes) {
    if (row.policy == policy) return row.code;
  }
  broken("a policy without a code on disk");
}

std::optional<Tier> tier_of(std::uint8_t code) {
  for (const TierCode& row : kTierCodes) {
    if (row.code == code) return row.tier;
  }
  return std::nullopt;
}

std::optional<PolicyKind> policy_of(std::uint8_t code) {
  for (const PolicyCode& row : kPolicyCodes) {
    if (row.code == code) return row.policy;
  }
  return std::nullopt;
}

std::string meta_key(std::uint8_t tag) {
  std::string key;
  append_number(key, kNoCache, kCacheIdBytes);
  append_byte(key, tag);
  return key;
}

}  // namespace

std::string record_key(CacheId cache, std::string_view key) {
  std::string result;
  write_record_key(cache, key, result);
  return result;
}

void write_record_key(CacheId cache, std::string_view key, std::string& at) {
  at.clear();
  at.reserve(kCacheIdBytes + key.size());
  append_number(at, cache, kCacheIdBytes);
  at.append(key);
}

CacheId cache_of_record(std::string_view record_key) {
  return static_cast<CacheId>(number_in(record_key.substr(0, kCacheIdBytes)));
}

std::string_view key_of_record(std::string_view record_key) { return record_key.substr(kCacheIdBytes); }

std::string fact_prefix(CacheFact fact) { return meta_key(static_cast<std::uint8_t>(fact)); }

std::string fact_key(CacheFact fact, CacheId cache) {
  std::string key = fact_prefix(fact);
  append_number(key, cache, kCacheIdBytes);
  return key;
}

std::optional<CacheId> cache_of_fact(std::string_view fact_key) {
  constexpr std::size_t kPrefixBytes = kCacheIdBytes + 1;
  if (fact_key.size() != kPrefixBytes + kCacheIdBytes) return std::nullopt;
  return static_cast<CacheId>(number_in(fact_key.substr(kPrefixBytes)));
}

std::string format_key() { return meta_key(kFormatTag); }
std::string versions_key() { return meta_key(kVersionsTag); }
std::string identity_key() { return meta_key(kIdentityTag); }

std::string encode_record(std::string_view at, const Record& record) {
  std::string bytes;
  write_record(at, record, bytes);
  return bytes;
}

void write_record(std::string_view at, const Record& record, std::string& bytes) {
  const bool has_deadline = record.deadline != kNever;
  const bool has_stale = record.stale_ms != 0;
  bytes.clear();
  bytes.reserve(record.value.size() + 34);
  append_byte(bytes, kRecordFormat);
  append_byte(bytes,
              static_cast<std::uint8_t>((has_deadline ? kHasDeadline : 0) | (has_stale ? kHasStale : 0)));
  append_number(bytes, record.version, 8);
  if (has_deadline) append_number(bytes, static_cast<std::uint64_t>(record.deadline), 8);
  if (has_stale) append_number(bytes, record.stale_ms, 8);
  bytes.append(record.value);
  seal(at, bytes);
}

std::variant<RecordView, Damage> decode_record(std::string_view at, std::string_view bytes) {
  auto unsealed = unseal(at, bytes, kRecordFormat);
  if (auto* damage = std::get_if<Damage>(&unsealed)) return *damage;
  auto& fields = std::get<Fields>(unsealed);
  const std::uint8_t flags = fields.byte();
  RecordView record{{}, fields.number(8), kNever, 0};
  if (flags & kHasDeadline) record.deadline = static_cast<TimeMs>(fields.number(8));
  if (flags & kHasStale) record.stale_ms = fields.number(8);
  record.value = fields.rest();
  if (flags > (kHasDeadline | kHasStale) || !fields.is_exact()) return malformed();
  return record;
}

std::string encode_definition(std::string_view at, std::string_view name, const Settings& settings) {
  std::string bytes;
  append_byte(bytes, kDefinitionFormat);
  append_byte(bytes, code_of(settings.tier));
  append_byte(bytes, code_of(settings.policy));
  append_byte(bytes, static_cast<std::uint8_t>((settings.entries_max ? kHasEntriesMax : 0) |
                                               (settings.bytes_max ? kHasBytesMax : 0) |
                                               (settings.age_ms_max ? kHasAgeMax : 0)));
  if (settings.entries_max) append_number(bytes, *settings.entries_max, 8);
  if (settings.bytes_max) append_number(bytes, *settings.bytes_max, 8);
  if (settings.age_ms_max) append_number(bytes, *settings.age_ms_max, 8);
  append_number(bytes, settings.stale_ms, 8);
  append_number(bytes, settings.reserved_bytes, 8);
  bytes.append(name);
  seal(at, bytes);
  return bytes;
}

std::variant<NamedSettings, Damage> decode_definition(std::string_view at, std::string_view bytes) {
  auto unsealed = unseal(at, bytes, kDefinitionFormat);
  if (auto* damage = std::get_if<Damage>(&unsealed)) return *damage;
  auto& fields = std::get<Fields>(unsealed);
  const std::optional<Tier> tier = tier_of(fields.byte());
  const std::optional<PolicyKind> policy = policy_of(fields.byte());
  const std::uint8_t flags = fields.byte();
  if (!tier || !policy || flags > (kHasEntriesMax | kHasBytesMax | kHasAgeMax)) return malformed();
  NamedSettings result;
  result.settings.tier = *tier;
  result.settings.policy = *policy;
  if (flags & kHasEntriesMax) result.settings.entries_max = fields.number(8);
  if (flags & kHasBytesMax) result.settings.bytes_max = fields.number(8);
  if (flags & kHasAgeMax) result.settings.age_ms_max = fields.number(8);
  result.settings.stale_ms = fields.number(8);
  result.settings.reserved_bytes = fields.number(8);
  result.name = fields.rest();
  if (!fields.is_exact() || result.name.empty()) return malformed();
  return result;
}

std::string encode_number(std::string_view at, std::uint64_t number) {
  std::string bytes;
  append_byte(bytes, kNumberFormat);
  append_number(bytes, number, 8);
  seal(at, bytes);
  return bytes;
}

std::variant<std::uint64_t, Damage> decode_number(std::string_view at, std::string_view bytes) {
  auto unsealed = unseal(at, bytes, kNumberFormat);
  if (auto* damage = std::get_if<Damage>(&unsealed)) return *damage;
  auto& fields = std::get<Fields>(unsealed);
  const std::uint64_t number = fields.number(8);
  if (!fields.is_exact()) return malformed();
  return number;
}

std::string encode_identity(std::string_view at, std::string_view identity) {
  std::string bytes;
  append_byte(bytes, kIdentityFormat);
  bytes.append(identity);
  seal(at, bytes);
  return bytes;
}

std::variant<std::string, Damage> decode_identity(std::string_view at, std::string_view bytes) {
  auto unsealed = unseal(at, bytes, kIdentityFormat);
  if (auto* damage = std::get_if<Damage>(&unsealed)) return *damage;
  const std::string_view digits = std::get<Fields>(unsealed).rest();
  if (digits.size() != kIdentityDigits) return malformed();
  return std::string(digits);
}

}  // namespace pannier::storage
