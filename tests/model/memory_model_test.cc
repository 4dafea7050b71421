// Random operations on caches in memory, each compared with MemoryModel: outcome, order of what is told,
// counters, bytes; with ample memory, and short of it.
#include <gtest/gtest.h>

#include <cstdio>

#include "tests/model/dice.h"
#include "tests/model/memory_driver.h"
#include "tests/model/operations.h"

namespace pannier::storage {
namespace {

constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;

class MemoryModelTest : public testing::TestWithParam<MemoryCourse> {};

void print(const MemoryModel::Pressure& pressure) {
  std::printf(
      "for memory: %llu expired, %llu stale, %llu evicted (%llu of them spared a protected cache), %llu too "
      "big; at most %llu a put, at most %.2f of its bound\n",
      static_cast<unsigned long long>(pressure.expired), static_cast<unsigned long long>(pressure.stale),
      static_cast<unsigned long long>(pressure.evicted), static_cast<unsigned long long>(pressure.spared),
      static_cast<unsigned long long>(pressure.too_big), static_cast<unsigned long long>(pressure.taken_max),
      pressure.of_bound_max);
}

TEST_P(MemoryModelTest, agrees_with_the_model) {
  const std::uint64_t seed = Dice::seed();
  std::printf("PANNIER_MODEL_SEED=%llu\n", static_cast<unsigned long long>(seed));
  const std::uint64_t each = operations_a_check();
  MemoryDriver driver(GetParam(), seed);
  for (std::uint64_t done = 0; done < kOperations; ++done) {
    driver.one();
    if (done % each == 0) driver.check_sums();
    if (done % 1'000 == 0) driver.check_counters();
    if (done % 10'000 == 0) driver.check_entries();
    ASSERT_FALSE(HasFailure()) << "seed " << seed << ", operation " << done;
  }
  driver.check_entries();
  driver.check_pressure();
  print(driver.pressure());
}

Settings settings_of(Tier tier, PolicyKind policy) {
  Settings settings;
  settings.tier = tier;
  settings.policy = policy;
  settings.entries_max = 100;
  settings.bytes_max = 25'000;
  if (tier == Tier::kTtl) settings.age_ms_max = 700;
  return settings;
}

/// A cache that the memory bounds before its own bounds do.
Settings roomy(Tier tier, PolicyKind policy) {
  Settings settings = settings_of(tier, policy);
  settings.entries_max = 4'000;
  settings.bytes_max = 400'000;
  return settings;
}

Settings reserving(std::uint64_t bytes) {
  Settings settings;
  settings.stale_ms = 300;
  settings.reserved_bytes = bytes;
  return settings;
}

MemoryCourse short_course(const std::string& name) {
  MemoryCourse course;
  course.name = name;
  course.settings = {reserving(400'000), roomy(Tier::kLru, PolicyKind::kLru),
                     roomy(Tier::kLru, PolicyKind::kFifo), roomy(Tier::kTtl, PolicyKind::kLru), Settings{}};
  course.memory_bytes_max = kMiB;
  course.alters = true;
  course.is_short = true;
  return course;
}

std::vector<MemoryCourse> courses() {
  MemoryCourse small = short_course("short_of_memory");
  small.keys = 2'000;
  small.values = {{0, 2'000}};
  MemoryCourse shifting = short_course("short_of_memory_with_shifting_sizes");
  shifting.keys = 2'000;
  shifting.values = {{0, 32}, {1'000, 4'000}, {10'000, 60'000}, {48, 200}};
  MemoryCourse large = short_course("short_of_memory_with_large_entries");
  large.key_bytes_max = 2'000;
  large.values = {{0, 65'536}};
  MemoryCourse larger = large;
  larger.name = "short_of_more_memory_with_large_entries";
  larger.memory_bytes_max = 4 * kMiB;
  larger.settings[0].reserved_bytes = 1'600'000;
  return {{.name = "lru", .settings = {settings_of(Tier::kLru, PolicyKind::kLru)}, .alters = true},
          {.name = "fifo", .settings = {settings_of(Tier::kLru, PolicyKind::kFifo)}},
          {.name = "ttl", .settings = {settings_of(Tier::kTtl, PolicyKind::kLru)}},
          small,
          shifting,
          large,
          larger};
}

INSTANTIATE_TEST_SUITE_P(courses, MemoryModelTest, testing::ValuesIn(courses()),
                         [](const auto& course) { return course.param.name; });

}  // namespace
}  // namespace pannier::storage
