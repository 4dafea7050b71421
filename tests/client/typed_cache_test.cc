// Cache<Key, Value> against the real daemon.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "pannier/client.h"
#include "tests/client/daemon_process.h"

namespace pannier::test {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using ::testing::ElementsAre;

struct Place {
  int zone = 0;
  std::string street;
  MSGPACK_DEFINE(zone, street)
};

class TypedCacheTest : public ::testing::Test {
 protected:
  DaemonProcess daemon_;
  Client client_{daemon_.options()};
  Cache<std::uint64_t, std::string> names_ = client_.cache<std::uint64_t, std::string>("lru");
};

TEST(Key, bytes_of_a_key_are_the_documented_ones) {
  EXPECT_EQ(key_bytes("text"), "text");
  EXPECT_EQ(key_bytes(std::string("a\0b", 3)), std::string_view("a\0b", 3));
  EXPECT_EQ(key_bytes(7), "\x07");
  EXPECT_EQ(key_bytes(std::uint64_t{7}), "\x07");
  EXPECT_EQ(key_bytes(-1L), "\xff");
  EXPECT_EQ(key_bytes(300), "\xcd\x01\x2c");
  EXPECT_EQ(key_bytes(2.0), "\x02");
  EXPECT_EQ(key_bytes(-0.0), std::string(1, '\0'));
  EXPECT_EQ(key_bytes(1.5), std::string("\xcb\x3f\xf8\0\0\0\0\0\0", 9));
  EXPECT_EQ(key_bytes(std::pair(7, std::string("a"))), std::string("\x92\x07\xa1"
                                                                   "a"));
  EXPECT_EQ(key_bytes(Place{3, "b"}), std::string("\x92\x03\xa1"
                                                  "b"));
  EXPECT_EQ(key_bytes(std::map<int, bool>{{2, true}, {1, false}}), std::string("\x82\x01\xc2\x02\xc3"));
}

TEST(Key, key_comes_back_from_its_bytes) {
  EXPECT_EQ(key_from<std::string>("\x07"), "\x07");
  EXPECT_EQ(key_from<int>("\x07"), 7);
  using Triple = std::tuple<int, std::string, bool>;
  const Triple triple{-5, "x", true};
  EXPECT_EQ(key_from<Triple>(key_bytes(triple)), triple);
  EXPECT_THROW(key_from<int>("text"), UnpackError);
}

TEST_F(TypedCacheTest, value_that_was_put_is_got_and_a_miss_is_empty) {
  EXPECT_TRUE(names_.put(7, "Ada", {.ttl = hours(1)}));
  EXPECT_EQ(names_.get(7), "Ada");
  EXPECT_EQ(names_.get(8), std::nullopt);
  EXPECT_GT(*names_.get_entry(7)->ttl, milliseconds(0));
  EXPECT_TRUE(names_.touch(7));
  EXPECT_TRUE(names_.erase(7));
  EXPECT_FALSE(names_.touch(7));
}

TEST_F(TypedCacheTest, key_of_an_own_type_finds_its_entry) {
  const auto population = client_.cache<Place, int>("lru");
  population.put({1, "Long Lane"}, 80);
  EXPECT_EQ(population.get({1, "Long Lane"}), 80);
  EXPECT_EQ(population.get({2, "Long Lane"}), std::nullopt);
}

TEST_F(TypedCacheTest, text_keys_are_those_of_the_untyped_handle) {
  const auto untyped = client_.cache("lru");
  const auto typed = client_.cache<std::string, int>("lru");
  typed.put("k", 1);
  EXPECT_EQ(untyped.get<int>("k"), 1);
}

TEST_F(TypedCacheTest, many_are_got_in_the_order_of_the_keys) {
  names_.put_many(std::map<std::uint64_t, std::string>{{1, "one"}, {2, "two"}});
  EXPECT_THAT(names_.get_many({2, 9, 1}), ElementsAre("two", std::nullopt, "one"));
  EXPECT_EQ(names_.erase_many({1, 2, 9}), 2u);
}

TEST_F(TypedCacheTest, many_are_put_as_its_own_types_whatever_they_are_given_as) {
  names_.put_many(std::map<int, const char*>{{1, "a name that is kept on the heap: one"}, {2, "two"}});
  EXPECT_THAT(names_.get_many({1, 2}), ElementsAre("a name that is kept on the heap: one", "two"));
  const auto halves = client_.cache<float, int>("lru");
  halves.put_many(std::map<double, int>{{0.1, 5}});
  EXPECT_EQ(halves.get(0.1F), 5);
  const auto texts = client_.cache<std::string, int>("lru");
  texts.put_many(std::vector<std::pair<const char*, short>>{{"text", 7}});
  EXPECT_EQ(texts.get("text"), 7);
}

TEST_F(TypedCacheTest, walk_gives_keys_of_the_type) {
  names_.put(300, "a");
  names_.put(7, "b");
  std::uint64_t sum = 0;
  names_.each_key([&](std::uint64_t key) { return sum += key, true; });
  EXPECT_EQ(sum, 307u);
  client_.put("lru", "text", "c");
  EXPECT_THROW(names_.each_key([](std::uint64_t) { return true; }), UnpackError);
}

TEST_F(TypedCacheTest, value_of_another_type_is_an_unpack_error) {
  client_.put("lru", key_bytes(7), 1);
  EXPECT_THROW(names_.get(7), UnpackError);
}

TEST_F(TypedCacheTest, integers_are_incremented) {
  const auto visits = client_.cache<int, std::int64_t>("lru");
  EXPECT_EQ(visits.increment(1, 5), 5);
  EXPECT_EQ(visits.increment(1), 6);
}

TEST_F(TypedCacheTest, lease_of_a_key_is_put_with_its_value) {
  auto found = names_.lease(7);
  ASSERT_TRUE(found.lease);
  found.lease->put(std::string("Ada"));
  EXPECT_EQ(names_.lease(7).value, "Ada");
}

TEST_F(TypedCacheTest, empty_optional_is_a_value_and_no_miss) {
  const auto cache = client_.cache<int, std::optional<int>>("lru");
  cache.put(1, std::nullopt);
  const auto found = cache.get(1);
  ASSERT_TRUE(found.has_value());
  EXPECT_FALSE(found->has_value());
}

}  // namespace
}  // namespace pannier::test
