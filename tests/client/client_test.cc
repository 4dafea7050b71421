// Every method of Client against the real daemon.
#include "pannier/client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <cstddef>
#include <map>
#include <optional>
#include <ranges>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "tests/client/daemon_process.h"

namespace pannier::test {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using ::testing::ElementsAre;

TEST(Ttl, is_in_whole_milliseconds_and_what_they_cannot_hold_is_their_end) {
  EXPECT_EQ(Ttl(std::chrono::microseconds(1)).duration(), milliseconds(1));
  EXPECT_EQ(Ttl(std::chrono::duration<double>(1.5)).duration(), milliseconds(1500));
  EXPECT_EQ(Ttl(hours::max()).duration(), milliseconds::max());
  EXPECT_EQ(Ttl(hours::min()).duration(), milliseconds::min());
  EXPECT_EQ(Ttl(std::chrono::duration<double>(INFINITY)).duration(), milliseconds::max());
  EXPECT_EQ(Ttl(std::chrono::duration<double>(NAN)).duration(), milliseconds::max());
}

/// The code of the error that `act` throws; nothing if it throws none.
template <class Act>
std::optional<ErrorCode> code_of(Act act) {
  try {
    act();
  } catch (const Error& error) {
    return error.code();
  }
  return std::nullopt;
}

class ClientTest : public ::testing::Test {
 protected:
  DaemonProcess daemon_;
  Client client_{daemon_.options()};
};

TEST_F(ClientTest, value_that_was_put_is_got) {
  EXPECT_TRUE(client_.put("lru", "number", 42));
  EXPECT_TRUE(client_.put("lru", "text", "hello"));
  EXPECT_TRUE(client_.put("lru", "list", std::vector<int>{1, 2}));
  EXPECT_EQ(client_.get<int>("lru", "number"), 42);
  EXPECT_EQ(client_.get<std::string>("lru", "text"), "hello");
  EXPECT_EQ(client_.get<std::vector<int>>("lru", "list"), (std::vector<int>{1, 2}));
}

TEST_F(ClientTest, raw_value_comes_back_byte_for_byte) {
  const std::string values[] = {
      "\xc0",                                  // nil
      std::string("\xd3\0\0\0\0\0\0\0\1", 9),  // 1 in nine bytes
      std::string("\xc7\x03\xff"
                  "abc"),  // ext
      std::string("\x82\xa1"
                  "a\x01\xa1"
                  "a\x02",
                  7),  // a map with one key twice
      std::string("\x81\x92\x01\x02\x81\xc0\xc4\x01\xff"),
  };
  for (const auto& value : values) {
    client_.put_raw("durable", "k", value);
    EXPECT_EQ(client_.get_raw("durable", "k"), value);
  }
}

TEST_F(ClientTest, miss_is_empty_and_nil_is_a_value) {
  EXPECT_EQ(client_.get<int>("lru", "none"), std::nullopt);
  EXPECT_EQ(client_.get_entry<int>("lru", "none").has_value(), false);
  client_.put("lru", "nil", nullptr);
  const auto nil = client_.get<std::optional<int>>("lru", "nil");
  ASSERT_TRUE(nil.has_value());
  EXPECT_FALSE(nil->has_value());
}

TEST_F(ClientTest, value_of_another_type_is_an_unpack_error) {
  client_.put("lru", "k", "text");
  EXPECT_THROW(client_.get<int>("lru", "k"), UnpackError);
  EXPECT_EQ(client_.get<std::string>("lru", "k"), "text");
}

TEST_F(ClientTest, key_may_be_any_bytes) {
  const std::string key("\0\xff\n", 3);
  client_.put("lru", key, 1);
  EXPECT_EQ(client_.get<int>("lru", key), 1);
  EXPECT_THAT(client_.keys("lru").keys, ElementsAre(key));
}

TEST_F(ClientTest, entry_tells_version_and_time_left) {
  const auto version = client_.put("lru", "k", 1, {.ttl = hours(1)});
  const auto entry = client_.get_entry<int>("lru", "k");
  ASSERT_TRUE(entry);
  EXPECT_EQ(entry->version, version);
  ASSERT_TRUE(entry->ttl);
  EXPECT_GT(*entry->ttl, minutes(59));
  EXPECT_LE(*entry->ttl, hours(1));
  client_.put("lru", "k", 1);
  EXPECT_EQ(client_.get_entry<int>("lru", "k")->ttl, std::nullopt);
}

TEST_F(ClientTest, entry_of_no_time_is_a_miss_at_once) {
  client_.put("lru", "k", 1, {.ttl = milliseconds(0)});
  EXPECT_EQ(client_.get<int>("lru", "k"), std::nullopt);
}

TEST_F(ClientTest, part_of_a_millisecond_is_a_whole_one) {
  const Ttl ttl = std::chrono::microseconds(1);
  EXPECT_EQ(ttl.duration(), milliseconds(1));
}

TEST_F(ClientTest, ttl_none_removes_the_deadline_but_not_in_tier_ttl) {
  client_.open("aging", {.tier = Tier::kLru, .max_age = minutes(1)});
  client_.put("aging", "k", 1);
  EXPECT_TRUE(client_.get_entry<int>("aging", "k")->ttl);
  client_.put("aging", "k", 1, {.ttl = Ttl::none()});
  EXPECT_FALSE(client_.get_entry<int>("aging", "k")->ttl);
  EXPECT_EQ(code_of([&] { client_.put("ttl", "k", 1, {.ttl = Ttl::none()}); }), ErrorCode::kUnsupported);
}

TEST_F(ClientTest, keep_ttl_keeps_the_deadline_of_a_live_entry) {
  client_.put("lru", "k", 1, {.ttl = hours(1)});
  client_.put("lru", "k", 2, {.ttl = hours(9), .keep_ttl = true});
  EXPECT_LE(*client_.get_entry<int>("lru", "k")->ttl, hours(1));
  client_.put("lru", "new", 2, {.ttl = hours(9), .keep_ttl = true});
  EXPECT_GT(*client_.get_entry<int>("lru", "new")->ttl, hours(8));
}

TEST_F(ClientTest, condition_that_does_not_hold_writes_nothing) {
  EXPECT_EQ(client_.put("lru", "k", 1, {.condition = IfPresent{}}), std::nullopt);
  const auto first = client_.put("lru", "k", 1, {.condition = IfAbsent{}});
  ASSERT_TRUE(first);
  EXPECT_EQ(client_.put("lru", "k", 2, {.condition = IfAbsent{}}), std::nullopt);
  const auto second = client_.put("lru", "k", 2, {.condition = IfVersion{*first}});
  ASSERT_TRUE(second);
  EXPECT_GT(*second, *first);
  EXPECT_EQ(client_.put("lru", "k", 3, {.condition = IfVersion{*first}}), std::nullopt);
  EXPECT_EQ(client_.get<int>("lru", "k"), 2);
}

TEST_F(ClientTest, many_are_got_in_the_order_of_the_keys) {
  const auto versions = client_.put_many("lru", std::map<std::string, int>{{"a", 1}, {"b", 2}});
  EXPECT_EQ(versions.size(), 2u);
  EXPECT_THAT(client_.get_many<int>("lru", {"b", "none", "a"}), ElementsAre(2, std::nullopt, 1));
  const std::vector<std::string> keys = {"a"};
  EXPECT_THAT(client_.get_many<int>("lru", keys), ElementsAre(1));
  EXPECT_TRUE(client_.get_many<int>("lru", std::vector<std::string>()).empty());
}

TEST_F(ClientTest, many_are_put_with_a_deadline) {
  client_.put_many("lru", std::vector<std::pair<std::string, int>>{{"a", 1}}, {.ttl = milliseconds(0)});
  EXPECT_EQ(client_.get<int>("lru", "a"), std::nullopt);
}

TEST_F(ClientTest, erase_tells_whether_there_was_an_entry) {
  const auto version = client_.put("durable", "k", 1);
  EXPECT_FALSE(client_.erase("durable", "none"));
  EXPECT_FALSE(client_.erase("durable", "k", {.if_version = *version + 1}));
  EXPECT_TRUE(client_.erase("durable", "k", {.if_version = *version, .sync = true}));
  client_.put("durable", "a", 1);
  client_.put("durable", "b", 1);
  EXPECT_EQ(client_.erase_many("durable", {"a", "none", "b"}), 2u);
}

TEST_F(ClientTest, touch_sets_the_deadline_anew) {
  EXPECT_FALSE(client_.touch("lru", "k"));
  client_.put("lru", "k", 1, {.ttl = minutes(1)});
  EXPECT_TRUE(client_.touch("lru", "k", hours(1)));
  EXPECT_GT(*client_.get_entry<int>("lru", "k")->ttl, minutes(59));
  EXPECT_TRUE(client_.touch("lru", "k", Ttl::none()));
  EXPECT_FALSE(client_.get_entry<int>("lru", "k")->ttl);
}

TEST_F(ClientTest, increment_adds_to_what_is_there_or_to_initial) {
  EXPECT_EQ(client_.increment("lru", "n"), 1);
  EXPECT_EQ(client_.increment("lru", "n", -5), -4);
  EXPECT_EQ(client_.increment("lru", "m", 2, {.initial = 40, .ttl = hours(1)}), 42);
  EXPECT_TRUE(client_.get_entry<int>("lru", "m")->ttl);
  client_.put("lru", "text", "text");
  EXPECT_EQ(code_of([&] { client_.increment("lru", "text"); }), ErrorCode::kNotANumber);
}

TEST_F(ClientTest, walk_sees_every_key_in_pages) {
  for (int i = 0; i < 25; ++i) client_.put("lru", "a" + std::to_string(i), i);
  client_.put("lru", "b", 1);
  const auto page = client_.keys("lru", {.prefix = "a", .limit = 10});
  EXPECT_EQ(page.keys.size(), 10u);
  ASSERT_TRUE(page.next);
  EXPECT_FALSE(client_.keys("lru", {.cursor = page.next, .prefix = "a", .limit = 1000}).next);

  std::map<std::string, int> seen;
  client_.each_key("lru", "a", [&](std::string_view key) { return ++seen[std::string(key)] > 0; });
  EXPECT_EQ(seen.size(), 25u);
  int visits = 0;
  client_.each_key("lru", "", [&](std::string_view) { return ++visits < 3; });
  EXPECT_EQ(visits, 3);
}

TEST_F(ClientTest, clear_counts_what_it_removed) {
  client_.put("lru", "a1", 1);
  client_.put("lru", "a2", 1);
  client_.put("lru", "b", 1);
  EXPECT_EQ(client_.clear("lru", "a"), 2u);
  EXPECT_EQ(client_.clear("lru"), 1u);
}

TEST(ClientOptionsTest, a_name_leads_to_its_tier_or_policy_and_another_is_refused_with_all_of_them) {
  EXPECT_EQ(tier_named("lru"), Tier::kLru);
  EXPECT_EQ(tier_named("ttl"), Tier::kTtl);
  EXPECT_EQ(tier_named("durable"), Tier::kDurable);
  EXPECT_EQ(policy_named("lru"), Policy::kLru);
  EXPECT_EQ(policy_named("fifo"), Policy::kFifo);
  EXPECT_THAT([] { tier_named("disk"); },
              testing::ThrowsMessage<InvalidArgument>("tier is one of lru, ttl, durable, not \"disk\""));
  EXPECT_THROW(policy_named(""), InvalidArgument);
}

TEST_F(ClientTest, open_creates_once_and_drop_removes) {
  const CacheSettings settings{
      .tier = Tier::kTtl, .max_entries = 10, .max_age = minutes(5), .policy = Policy::kFifo};
  EXPECT_TRUE(client_.open("sessions", settings));
  EXPECT_FALSE(client_.open("sessions", settings));
  auto other = settings;
  other.max_entries = 20;
  EXPECT_EQ(code_of([&] { client_.open("sessions", other); }), ErrorCode::kConflict);
  other.alter = true;
  EXPECT_FALSE(client_.open("sessions", other));
  const auto info = client_.info("sessions");
  EXPECT_EQ(info.tier, "ttl");
  EXPECT_EQ(info.policy, "fifo");
  EXPECT_EQ(info.maxsize, 20u);
  EXPECT_EQ(info.max_age_ms, 300'000u);
  EXPECT_TRUE(client_.drop("sessions"));
  EXPECT_FALSE(client_.drop("sessions"));
  EXPECT_EQ(code_of([&] { client_.get<int>("sessions", "k"); }), ErrorCode::kUnknownCache);
}

TEST_F(ClientTest, info_counts_hits_and_misses) {
  client_.put("lru", "k", 1);
  client_.get<int>("lru", "k");
  client_.get<int>("lru", "none");
  const auto info = client_.info();
  const auto& lru = info.caches.at("lru");
  EXPECT_EQ(lru.hits, 1u);
  EXPECT_EQ(lru.misses, 1u);
  EXPECT_EQ(lru.currsize, 1u);
  EXPECT_EQ(lru.puts, 1u);
  EXPECT_GT(lru.used_bytes, 0u);
  EXPECT_FALSE(lru.durable);
  EXPECT_TRUE(info.caches.at("durable").durable);
  EXPECT_EQ(info.server.pid, client_.hello().pid);
  EXPECT_GT(info.server.memory_limit, 0u);
  EXPECT_GE(info.server.connections, 1u);
}

TEST_F(ClientTest, hello_tells_protocol_and_limits) {
  const auto hello = client_.hello();
  EXPECT_EQ(hello.protocol, 1u);
  EXPECT_EQ(hello.version, library_version());
  EXPECT_EQ(hello.limits.at("max_key"), 65'535u);
  EXPECT_TRUE(hello.limits.contains("max_value"));
}

TEST_F(ClientTest, sync_makes_durable_entries_clean) {
  client_.put("durable", "k", 1);
  client_.sync("durable");
  const auto durable = client_.info("durable").durable;
  ASSERT_TRUE(durable);
  EXPECT_EQ(durable->dirty_entries, 0u);
  EXPECT_TRUE(durable->last_sync_ms);
  client_.sync();
  EXPECT_EQ(code_of([&] { client_.sync("lru"); }), ErrorCode::kUnsupported);
}

TEST_F(ClientTest, limit_of_the_daemon_is_a_server_error_and_the_client_goes_on) {
  EXPECT_EQ(code_of([&] { client_.put("lru", std::string(65'536, 'k'), 1); }), ErrorCode::kTooLarge);
  EXPECT_EQ(code_of([&] { client_.get<int>("lru", ""); }), ErrorCode::kBadRequest);
  client_.ping();
}

TEST_F(ClientTest, write_behind_a_request_that_was_too_large_is_not_lost) {
  const std::string large(client_.hello().limits.at("max_frame"), 'v');
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(code_of([&] { client_.put("lru", "large", large); }), ErrorCode::kTooLarge);
    EXPECT_TRUE(client_.put("lru", "k", i));
  }
  auto pipeline = client_.pipeline();
  EXPECT_THROW(pipeline.put("lru", "k", 7).put("lru", "large", large).run()[1].check(), ServerError);
  EXPECT_TRUE(client_.put("lru", "k", 8));
}

TEST_F(ClientTest, call_reaches_any_method) {
  EXPECT_EQ(unpack<std::string>(client_.call("ping", "\x90")), "pong");
  EXPECT_EQ(code_of([&] { client_.call("no_such_method", "\x90"); }), ErrorCode::kUnknownMethod);
}

TEST_F(ClientTest, large_value_comes_back) {
  const std::string large(std::size_t{5} << 20, 'v');
  client_.put("lru", "k", large);
  EXPECT_EQ(client_.get<std::string>("lru", "k"), large);
}

TEST_F(ClientTest, cache_handle_leaves_out_the_name) {
  auto cache = client_.cache("lru");
  cache.put("k", 1);
  cache.put_many(std::map<std::string, int>{{"m", 2}});
  EXPECT_EQ(cache.get<int>("k"), 1);
  EXPECT_THAT(cache.get_many<int>({"k", "m"}), ElementsAre(1, 2));
  EXPECT_EQ(cache.increment("k"), 2);
  EXPECT_TRUE(cache.touch("k"));
  EXPECT_TRUE(cache.get_entry<int>("k"));
  EXPECT_EQ(cache.info().name, "lru");
  EXPECT_TRUE(cache.erase("k"));
  EXPECT_EQ(cache.clear(), 1u);
}

template <class AClient>
concept GivesHandle = requires(AClient&& client) {
  std::forward<AClient>(client).cache("lru");
};
static_assert(GivesHandle<Client&> && !GivesHandle<Client>, "the handle would outlive its client");

/// What `make` gives for each number: elements that exist only while a walk is at them, as those of
/// std::views::transform, which clang 14 does not understand.
template <auto make>
struct Fresh {
  struct Iterator {
    using value_type = std::invoke_result_t<decltype(make), int>;
    using difference_type = std::ptrdiff_t;

    value_type operator*() const { return make(*at); }
    Iterator& operator++() {
      ++at;
      return *this;
    }
    Iterator operator++(int) { return {at++}; }
    bool operator==(const Iterator&) const = default;

    std::vector<int>::const_iterator at;
  };

  Iterator begin() const { return {numbers.begin()}; }
  Iterator end() const { return {numbers.end()}; }

  std::vector<int> numbers;
};

std::string fresh_key(int n) { return "a key that is kept on the heap: " + std::to_string(n); }
std::pair<std::string, std::string> fresh_entry(int n) { return {fresh_key(n), fresh_key(n) + "!"}; }

static_assert(std::ranges::forward_range<const Fresh<fresh_key>>);
static_assert(!std::is_constructible_v<KeyList, Fresh<fresh_key>>, "it would view what is gone");
static_assert(std::is_constructible_v<KeyList, std::vector<const char*>>);

TEST_F(ClientTest, entries_that_exist_only_while_they_are_walked_through_are_put) {
  const std::vector<int> numbers = {1, 2, 3};
  client_.put_many("lru", Fresh<fresh_entry>{numbers});
  for (const int n : numbers) EXPECT_EQ(client_.get<std::string>("lru", fresh_key(n)), fresh_key(n) + "!");
}

TEST_F(ClientTest, threads_share_a_client) {
  constexpr int kThreads = 8;
  constexpr int kEach = 200;
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&] {
      for (int n = 0; n < kEach; ++n) client_.increment("lru", "n");
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(client_.get<int>("lru", "n"), kThreads * kEach);
}

TEST_F(ClientTest, client_goes_on_after_a_restart_of_the_daemon) {
  client_.put("durable", "k", "kept");
  ASSERT_TRUE(daemon_.stop());
  EXPECT_THROW(client_.ping(), ConnectionError);
  daemon_.start();
  EXPECT_TRUE(client_.put("lru", "k", 1));
  EXPECT_EQ(client_.get<std::string>("durable", "k"), "kept");
}

TEST_F(ClientTest, first_call_after_a_restart_succeeds) {
  client_.put("lru", "k", 1);
  ASSERT_TRUE(daemon_.stop());
  daemon_.start();
  EXPECT_TRUE(client_.put("lru", "k", 1)) << "a write over a kept connection whose daemon is gone";
}

}  // namespace
}  // namespace pannier::test
