// What a cache is told to be when it is opened: its tier, policy, bounds and ages. Plain data; which
// combinations make sense is the tiers' table below it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace pannier::storage {

enum class Tier : std::uint8_t { kLru, kTtl, kDurable };
enum class PolicyKind : std::uint8_t { kLru, kFifo };

struct Settings {
  Tier tier = Tier::kLru;
  PolicyKind policy = PolicyKind::kLru;
  std::optional<std::uint64_t> entries_max;  ///< at least 1
  std::optional<std::uint64_t> bytes_max;    ///< of charges (key, value and overhead), at least 1
  std::optional<std::uint64_t> age_ms_max;   ///< the deadline of a write that names none, at least 1
  std::uint64_t stale_ms = 0;                ///< how long past its deadline an entry is kept for a lease
  std::uint64_t reserved_bytes = 0;          ///< of charges that other caches cannot take from this one

  friend bool operator==(const Settings&, const Settings&) = default;
};

/// One row a tier. A new one takes an enumerator, a row, and a number for the disk (record.cc); for clients
/// one more enumerator and name in pannier/options.h.
struct TierTraits {
  Tier tier;
  std::string_view name;  ///< as on the wire
  bool is_bounded;        ///< takes entries_max, bytes_max and a policy; else the disk is its bound
  bool needs_deadlines;   ///< age_ms_max is required, and no entry is without a deadline
  bool is_durable;        ///< written back to disk, may be cold
};

const TierTraits& traits_of(Tier tier);
std::optional<Tier> tier_named(std::string_view name);
/// "lru, ttl, durable": for error texts.
std::string tier_names();

std::string_view policy_name(PolicyKind policy);
std::optional<PolicyKind> policy_named(std::string_view name);
std::string policy_names();

/// As a cache's record has them. Writing them is part of a transaction.
struct CacheRecord;
class Arena;
/// Whether the numbers of its tier and policy are of ones that there are: the precondition of settings_of.
bool has_known_kinds(const CacheRecord& record);
Settings settings_of(const CacheRecord& record);
void write_settings(Arena& arena, CacheRecord& record, const Settings& settings);

/// Nothing if the settings suit their tier; else what is wrong with which option, in the words of the wire
/// (`max_entries`, `max_age_ms`...).
struct SettingsFault {
  enum class Kind { kBadRequest, kUnsupported } kind;
  std::string text;
};
std::optional<SettingsFault> fault_of(const Settings& settings);

}  // namespace pannier::storage
