// Random operations on durable caches over the real store, compared with DurableModel; with ample memory, and
// short of it.
#include <gtest/gtest.h>

#include <cstdio>

#include "storage/leveldb_store.h"
#include "tests/model/dice.h"
#include "tests/model/durable_driver.h"
#include "tests/model/operations.h"
#include "tests/model/store_access.h"
#include "tests/model/unsynced_env.h"
#include "tests/storage/temp_dir.h"

namespace pannier::storage {
namespace {

class DurableModelTest : public testing::TestWithParam<DurableCourse> {};

TEST_P(DurableModelTest, agrees_with_the_model) {
  const std::uint64_t seed = Dice::seed();
  std::printf("PANNIER_MODEL_SEED=%llu\n", static_cast<unsigned long long>(seed));
  test::TempDir directory;
  UnsyncedEnv env;
  const std::uint64_t each = operations_a_check();
  DurableDriver driver(GetParam(), seed, need(LevelDbStore::open(directory.file("db"), {}, &env)));
  for (std::uint64_t done = 0; done < kOperations; ++done) {
    driver.one();
    if (done % each == 0) driver.check_sums();
    if (done % 100 == 0) driver.look_for_cold();
    ASSERT_FALSE(HasFailure()) << "seed " << seed << ", operation " << done;
  }
  driver.check_pressure();
  std::printf("clean entries that left memory: %llu, expired ones that left the disk: %llu\n",
              static_cast<unsigned long long>(driver.left_memory()),
              static_cast<unsigned long long>(driver.left_disk()));
}

std::vector<DurableCourse> courses() {
  constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;
  return {{.name = "ample_memory",
           .memory_bytes_max = 64 * kMiB,
           .dirty_bytes_max = kMiB,
           .keys = 150,
           .value_bytes_max = 200,
           .value_bytes_large = 4'000,
           .value_bytes_huge = 20'000,
           .crowd_bytes_max = 3'000,
           .batch_bytes_max = 10'000,
           .is_short = false},
          {.name = "short_of_memory",
           .memory_bytes_max = kMiB,
           .dirty_bytes_max = 400'000,
           .keys = 300,
           .value_bytes_max = 4'000,
           .value_bytes_large = 40'000,
           .value_bytes_huge = 1'500'000,
           .crowd_bytes_max = 40'000,
           .batch_bytes_max = 100'000,
           .is_short = true}};
}

INSTANTIATE_TEST_SUITE_P(courses, DurableModelTest, testing::ValuesIn(courses()),
                         [](const auto& course) { return course.param.name; });

}  // namespace
}  // namespace pannier::storage
