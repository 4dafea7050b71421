// The sketch of frequent keys against exact counts of the same stream.
#include "daemon/space_saving.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "daemon/hot_keys.h"

namespace pannier::daemon {
namespace {

std::map<std::string, SpaceSaving::Place> by_key(const SpaceSaving& sketch) {
  std::map<std::string, SpaceSaving::Place> places;
  for (const auto& place : sketch.places()) places[place.key] = place;
  return places;
}

TEST(SpaceSaving, counts_are_exact_while_there_are_places) {
  SpaceSaving sketch;
  for (std::size_t i = 0; i < SpaceSaving::kPlaces; ++i) sketch.note(std::to_string(i));
  for (int i = 0; i < 9; ++i) sketch.note("7");
  const auto places = by_key(sketch);
  EXPECT_EQ(places.size(), SpaceSaving::kPlaces);
  EXPECT_EQ(places.at("7").count, 10U);
  EXPECT_EQ(places.at("8").count, 1U);
  EXPECT_EQ(places.at("7").error, 0U);
}

TEST(SpaceSaving, a_count_is_off_by_less_than_the_average_and_the_frequent_have_places) {
  SpaceSaving sketch;
  std::mt19937_64 random(1);
  std::map<std::string, std::uint64_t> truth;
  // Zipf-like: the r-th of 100,000 keys about as often as 1/r.
  for (int i = 0; i < 100'000; ++i) {
    const double share = std::generate_canonical<double, 53>(random);
    const std::string key = std::to_string(static_cast<int>(std::pow(100'000.0, share)));
    ++truth[key];
    sketch.note(key);
  }
  const auto places = by_key(sketch);
  EXPECT_EQ(places.size(), SpaceSaving::kPlaces);
  for (const auto& [key, place] : places) {
    EXPECT_LE(place.count - place.error, truth[key]) << key;
    EXPECT_LE(place.error, 100'000 / SpaceSaving::kPlaces) << key;
  }
  for (const auto& [key, count] : truth) {
    if (count <= std::size_t{4} * 100'000 / SpaceSaving::kPlaces) continue;
    ASSERT_TRUE(places.contains(key)) << key;
    EXPECT_GE(places.at(key).count + 100'000 / SpaceSaving::kPlaces, count) << key;
  }
}

TEST(SpaceSaving, what_was_frequent_long_ago_is_forgotten) {
  SpaceSaving sketch;
  for (int i = 0; i < 1'000; ++i) sketch.note("old");
  for (std::uint64_t i = 0; i < 12 * SpaceSaving::kNotedMax; ++i) sketch.note(i % 2 == 0 ? "one" : "two");
  const auto places = by_key(sketch);
  EXPECT_EQ(places.at("old").count, 0U);
  EXPECT_LE(places.at("one").count, SpaceSaving::kNotedMax);
}

TEST(HotKeys, hits_are_estimated_well_and_in_order_for_each_cache) {
  HotKeys hot;
  std::mt19937_64 random(2);
  for (int i = 0; i < 1'000'000; ++i) {
    const auto draw = random() % 100;
    hot.hit(1, draw < 50 ? "half" : draw < 70 ? "fifth" : "rare" + std::to_string(random() % 100'000));
  }
  hot.sampled(2, "half");
  const auto used = hot.most_used(1, 2);
  ASSERT_EQ(used.size(), 2U);
  EXPECT_EQ(used[0].key, "half");
  EXPECT_NEAR(static_cast<double>(used[0].hits), 500'000, 50'000);
  EXPECT_EQ(used[1].key, "fifth");
  EXPECT_NEAR(static_cast<double>(used[1].hits), 200'000, 30'000);
  EXPECT_LE(used[0].hits_min, used[0].hits);
  ASSERT_EQ(hot.most_used(2, 10).size(), 1U);
  EXPECT_EQ(hot.most_used(2, 10)[0].hits_min, HotKeys::kHitsASample);
  EXPECT_TRUE(hot.most_used(3, 10).empty());
}

TEST(HotKeys, keys_that_come_in_a_cycle_are_all_seen) {
  HotKeys hot;
  std::vector<std::string> keys;
  for (std::uint64_t i = 0; i < 2 * HotKeys::kHitsASample; ++i) keys.push_back("k" + std::to_string(i));
  for (int round = 0; round < 2'000; ++round) {
    for (const auto& key : keys) hot.hit(1, key);
  }
  EXPECT_EQ(hot.most_used(1, keys.size()).size(), keys.size());
}

TEST(HotKeys, keys_that_are_too_long_take_no_memory) {
  HotKeys hot;
  hot.sampled(1, std::string(HotKeys::kKeyBytesMax, 'x'));
  hot.sampled(1, std::string(HotKeys::kKeyBytesMax + 1, 'x'));
  EXPECT_EQ(hot.most_used(1, 10).size(), 1U);
}

}  // namespace
}  // namespace pannier::daemon
