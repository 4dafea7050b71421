#include "storage/settings.h"

#include <array>

#include "storage/arena.h"
#include "storage/cache_record.h"

namespace pannier::storage {
namespace {

constexpr std::array<TierTraits, 3> kTiers = {{
    {.tier = Tier::kLru, .name = "lru", .is_bounded = true, .needs_deadlines = false, .is_durable = false},
    {.tier = Tier::kTtl, .name = "ttl", .is_bounded = true, .needs_deadlines = true, .is_durable = false},
    {.tier = Tier::kDurable,
     .name = "durable",
     .is_bounded = false,
     .needs_deadlines = false,
     .is_durable = true},
}};

struct PolicyName {
  PolicyKind policy;
  std::string_view name;
};

constexpr std::array<PolicyName, 2> kPolicies = {{
    {PolicyKind::kLru, "lru"},
    {PolicyKind::kFifo, "fifo"},
}};

template <typename Rows>
std::string names_of(const Rows& rows) {
  std::string names;
  for (const auto& row : rows) names.append(names.empty() ? "" : ", ").append(row.name);
  return names;
}

std::optional<SettingsFault> zero_fault(std::string_view option, const std::optional<std::uint64_t>& value) {
  if (!value || *value > 0) return std::nullopt;
  return SettingsFault{SettingsFault::Kind::kBadRequest, std::string(option) + " is 0: at least 1"};
}

SettingsFault bound_fault(const TierTraits& tier, std::string_view option) {
  return {SettingsFault::Kind::kUnsupported, std::string(option) + ": tier " + std::string(tier.name) +
                                                 " is bounded by the disk, not by memory"};
}

std::optional<SettingsFault> unbounded_fault(const TierTraits& tier, const Settings& settings) {
  if (tier.is_bounded) return std::nullopt;
  if (settings.entries_max) return bound_fault(tier, "max_entries");
  if (settings.bytes_max) return bound_fault(tier, "max_bytes");
  if (settings.policy == PolicyKind::kLru) return std::nullopt;
  return SettingsFault{SettingsFault::Kind::kUnsupported,
                       "policy \"" + std::string(policy_name(settings.policy)) + "\": tier " +
                           std::string(tier.name) + " evicts nothing and knows lru only"};
}

}  // namespace

const TierTraits& traits_of(Tier tier) { return kTiers[static_cast<std::size_t>(tier)]; }

std::optional<Tier> tier_named(std::string_view name) {
  for (const TierTraits& row : kTiers) {
    if (row.name == name) return row.tier;
  }
  return std::nullopt;
}

std::string tier_names() { return names_of(kTiers); }

std::string_view policy_name(PolicyKind policy) { return kPolicies[static_cast<std::size_t>(policy)].name; }

std::optional<PolicyKind> policy_named(std::string_view name) {
  for (const PolicyName& row : kPolicies) {
    if (row.name == name) return row.policy;
  }
  return std::nullopt;
}

std::string policy_names() { return names_of(kPolicies); }

bool has_known_kinds(const CacheRecord& record) {
  return record.tier < kTiers.size() && record.policy < kPolicies.size();
}

Settings settings_of(const CacheRecord& record) {
  const auto bound = [&](unsigned bit, std::uint64_t value) {
    return (record.bounds_set >> bit & 1) != 0 ? std::optional(value) : std::nullopt;
  };
  return {.tier = static_cast<Tier>(record.tier),
          .policy = static_cast<PolicyKind>(record.policy),
          .entries_max = bound(0, record.entries_max),
          .bytes_max = bound(1, record.bytes_max),
          .age_ms_max = bound(2, record.age_ms_max),
          .stale_ms = record.stale_ms,
          .reserved_bytes = record.reserved_bytes};
}

void write_settings(Arena& arena, CacheRecord& record, const Settings& settings) {
  const std::uint32_t bounds_set =
      (settings.entries_max ? 1U : 0U) | (settings.bytes_max ? 2U : 0U) | (settings.age_ms_max ? 4U : 0U);
  arena.set(record.tier, static_cast<std::uint32_t>(settings.tier));
  arena.set(record.policy, static_cast<std::uint32_t>(settings.policy));
  arena.set(record.bounds_set, bounds_set);
  arena.set(record.entries_max, settings.entries_max.value_or(0));
  arena.set(record.bytes_max, settings.bytes_max.value_or(0));
  arena.set(record.age_ms_max, settings.age_ms_max.value_or(0));
  arena.set(record.stale_ms, settings.stale_ms);
  arena.set(record.reserved_bytes, settings.reserved_bytes);
}

std::optional<SettingsFault> fault_of(const Settings& settings) {
  if (auto fault = zero_fault("max_entries", settings.entries_max)) return fault;
  if (auto fault = zero_fault("max_bytes", settings.bytes_max)) return fault;
  if (auto fault = zero_fault("max_age_ms", settings.age_ms_max)) return fault;
  const TierTraits& tier = traits_of(settings.tier);
  if (tier.needs_deadlines && !settings.age_ms_max) {
    return SettingsFault{SettingsFault::Kind::kBadRequest,
                         "max_age_ms is missing: tier " + std::string(tier.name) + " requires it"};
  }
  return unbounded_fault(tier, settings);
}

}  // namespace pannier::storage
