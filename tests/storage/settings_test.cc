#include "storage/settings.h"

#include <gtest/gtest.h>

#include "storage/cache_record.h"

namespace pannier::storage {
namespace {

Settings of_tier(Tier tier) {
  Settings settings;
  settings.tier = tier;
  if (tier == Tier::kTtl) settings.age_ms_max = 1;
  return settings;
}

TEST(SettingsTest, names_lead_to_tiers_and_back) {
  for (const Tier tier : {Tier::kLru, Tier::kTtl, Tier::kDurable})
    EXPECT_EQ(tier_named(traits_of(tier).name), tier);
  EXPECT_EQ(tier_named("lfu"), std::nullopt);
  EXPECT_EQ(tier_names(), "lru, ttl, durable");
}

TEST(SettingsTest, names_lead_to_policies_and_back) {
  for (const PolicyKind policy : {PolicyKind::kLru, PolicyKind::kFifo}) {
    EXPECT_EQ(policy_named(policy_name(policy)), policy);
  }
  EXPECT_EQ(policy_named("random"), std::nullopt);
  EXPECT_EQ(policy_names(), "lru, fifo");
}

TEST(SettingsTest, a_record_of_another_tier_or_policy_is_known_as_such) {
  CacheRecord record{};
  for (const Tier tier : {Tier::kLru, Tier::kTtl, Tier::kDurable}) {
    record.tier = static_cast<std::uint32_t>(tier);
    EXPECT_TRUE(has_known_kinds(record));
  }
  ++record.tier;
  EXPECT_FALSE(has_known_kinds(record));
  record.tier = 0;
  record.policy = static_cast<std::uint32_t>(PolicyKind::kFifo);
  EXPECT_TRUE(has_known_kinds(record));
  ++record.policy;
  EXPECT_FALSE(has_known_kinds(record));
}

TEST(SettingsTest, the_least_that_a_tier_needs_is_enough) {
  for (const Tier tier : {Tier::kLru, Tier::kTtl, Tier::kDurable})
    EXPECT_FALSE(fault_of(of_tier(tier)).has_value());
}

TEST(SettingsTest, ttl_without_an_age_is_a_bad_request) {
  Settings settings;
  settings.tier = Tier::kTtl;
  const auto fault = fault_of(settings);
  ASSERT_TRUE(fault.has_value());
  EXPECT_EQ(fault->kind, SettingsFault::Kind::kBadRequest);
  EXPECT_NE(fault->text.find("max_age_ms"), std::string::npos);
}

TEST(SettingsTest, bounds_of_a_durable_cache_are_unsupported) {
  Settings entries = of_tier(Tier::kDurable);
  entries.entries_max = 5;
  Settings bytes = of_tier(Tier::kDurable);
  bytes.bytes_max = 5;
  Settings fifo = of_tier(Tier::kDurable);
  fifo.policy = PolicyKind::kFifo;
  for (const Settings& settings : {entries, bytes, fifo}) {
    const auto fault = fault_of(settings);
    ASSERT_TRUE(fault.has_value());
    EXPECT_EQ(fault->kind, SettingsFault::Kind::kUnsupported);
  }
}

TEST(SettingsTest, a_bound_of_nothing_is_a_bad_request) {
  for (auto bound : {&Settings::entries_max, &Settings::bytes_max, &Settings::age_ms_max}) {
    Settings settings;
    settings.*bound = 0;
    const auto fault = fault_of(settings);
    ASSERT_TRUE(fault.has_value());
    EXPECT_EQ(fault->kind, SettingsFault::Kind::kBadRequest);
  }
}

}  // namespace
}  // namespace pannier::storage
