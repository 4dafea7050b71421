// What is told by looks at entries that were read before, against the real daemon.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "pannier/client.h"
#include "tests/client/daemon_process.h"

namespace pannier::test {
namespace {

class SightingTest : public ::testing::Test {
 protected:
  ClientOptions options(SharedReads wish) const {
    ClientOptions options = daemon_.options();
    options.shared_reads = wish;
    return options;
  }

  DaemonProcess daemon_;
  Client asking_{options(SharedReads::kNever)};
  Client client_{options(SharedReads::kAtOnce)};
};

TEST_F(SightingTest, a_client_that_spins_attaches_as_well) {
  asking_.put("lru", "key", 1);
  ClientOptions spinning = options(SharedReads::kAtOnce);
  spinning.spin = std::chrono::microseconds(50);
  for (int i = 0; i < 50; ++i) {
    Client client(spinning);
    ASSERT_TRUE(client.read_shared("lru", "key"));
  }
}

TEST_F(SightingTest, what_is_found_to_be_current_is_used_by_that) {
  constexpr int kEntries = 100;
  asking_.open("small", {.max_entries = kEntries});
  for (int i = 0; i < kEntries; ++i) asking_.put("small", std::to_string(i), i);
  Sighting sighting;
  ASSERT_TRUE(client_.read_shared("small", "0", &sighting));
  asking_.info();
  for (int i = 1; i < kEntries; ++i) ASSERT_TRUE(asking_.get<int>("small", std::to_string(i)));
  // As many as there are between two looks at how the uses go on.
  for (int i = 0; i < 64; ++i) ASSERT_TRUE(client_.is_current(sighting));
  asking_.info();
  for (int i = 0; i < kEntries / 2; ++i) asking_.put("small", "new " + std::to_string(i), i);
  EXPECT_TRUE(asking_.get<int>("small", "0"));
  EXPECT_FALSE(asking_.get<int>("small", "1")) << "which had been used before it";
}

TEST_F(SightingTest, the_order_of_a_small_cache_is_exact) {
  constexpr int kEntries = 8;
  asking_.open("smaller", {.max_entries = kEntries});
  for (int i = 0; i < kEntries; ++i) asking_.put("smaller", std::to_string(i), i);
  for (int i = 0; i < 1'000; ++i) {
    ASSERT_EQ(client_.get<int>("smaller", "0"), 0);
    asking_.put("smaller", "new " + std::to_string(i), i);
  }
}

TEST_F(SightingTest, a_read_that_may_not_attach_does_not) {
  asking_.put("lru", "key", 1);
  for (int i = 0; i < 100; ++i)
    ASSERT_FALSE(client_.read_shared("lru", "key", nullptr, {.may_attach = false}));
  EXPECT_TRUE(client_.get<int>("lru", "key"));
  EXPECT_TRUE(client_.read_shared("lru", "key", nullptr, {.may_attach = false}));
}

TEST_F(SightingTest, a_value_that_is_too_long_is_not_read) {
  asking_.put("lru", "key", std::vector<int>(1'000));
  EXPECT_FALSE(client_.read_shared("lru", "key", nullptr, {.bytes_max = 1'000}));
  EXPECT_TRUE(client_.read_shared("lru", "key", nullptr, {.bytes_max = 1'003}));
}

TEST_F(SightingTest, many_keys_count_once_each_though_one_is_missing) {
  for (int i = 0; i < 10; ++i) asking_.put("lru", std::to_string(i), i);
  ASSERT_TRUE(client_.get<int>("lru", "0"));
  const CacheInfo before = asking_.info("lru");
  const auto values = client_.get_many<int>("lru", {"0", "absent", "1", "2"});
  ASSERT_EQ(values.size(), 4U);
  EXPECT_EQ(values[0], 0);
  EXPECT_FALSE(values[1]);
  EXPECT_EQ(values[2], 1);
  EXPECT_EQ(values[3], 2);
  const CacheInfo after = asking_.info("lru");
  EXPECT_EQ(after.hits, before.hits + 3);
  EXPECT_EQ(after.misses, before.misses + 1);
}

TEST_F(SightingTest, a_lease_on_a_value_that_is_there_is_no_request) {
  asking_.put("lru", "key", 1);
  ASSERT_TRUE(client_.get<int>("lru", "key"));
  const auto before = asking_.info().server.requests;
  for (int i = 0; i < 100; ++i) ASSERT_EQ(client_.lease<int>("lru", "key").value, 1);
  EXPECT_EQ(asking_.info().server.requests, before + 1) << "the second info itself";
}

}  // namespace
}  // namespace pannier::test
