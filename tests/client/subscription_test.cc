// Subscriptions against the real daemon, and against a scripted one for what is lost on the way.
#include "pannier/subscription.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "pannier/client.h"
#include "tests/client/daemon_process.h"
#include "tests/client/scripted_peer.h"

namespace pannier::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::Optional;

class SubscriptionTest : public ::testing::Test {
 protected:
  DaemonProcess daemon_;
  Client client_{daemon_.options()};
};

TEST_F(SubscriptionTest, writes_and_erases_are_told) {
  auto subscription = client_.subscribe("lru");
  client_.put("lru", "k", 1);
  const auto written = subscription.next(seconds(20));
  ASSERT_TRUE(written);
  EXPECT_EQ(written->cache, "lru");
  EXPECT_THAT(written->keys, Optional(ElementsAre("k")));
  client_.erase("lru", "k");
  const auto erased = subscription.next(seconds(20));
  ASSERT_TRUE(erased);
  EXPECT_EQ(erased->sequence, written->sequence + 1);
}

TEST_F(SubscriptionTest, nothing_comes_when_nothing_changes) {
  auto subscription = client_.subscribe("lru");
  EXPECT_FALSE(subscription.next(milliseconds(0)));
  client_.get<int>("lru", "k");
  EXPECT_FALSE(subscription.next(milliseconds(20)));
}

TEST_F(SubscriptionTest, only_keys_with_the_prefix_are_told) {
  auto subscription = client_.subscribe("lru", {.prefix = "user:"});
  client_.put("lru", "other", 1);
  client_.put("lru", "user:7", 1);
  EXPECT_THAT(subscription.next(seconds(20))->keys, Optional(ElementsAre("user:7")));
  subscription.add("lru", {.prefix = "other"});
  client_.put("lru", "user:7", 1);
  client_.put("lru", "other", 1);
  const auto change = subscription.next(seconds(20));
  EXPECT_THAT(change->keys, Optional(ElementsAre("other"))) << "the prefix was replaced";
}

TEST_F(SubscriptionTest, clear_is_a_change_of_all_keys) {
  client_.put("lru", "k", 1);
  auto subscription = client_.subscribe("lru");
  client_.clear("lru");
  std::optional<Invalidation> change;
  do {
    change = subscription.next(seconds(20));
    ASSERT_TRUE(change);
  } while (change->keys);
}

TEST_F(SubscriptionTest, caches_are_added_and_removed) {
  auto subscription = client_.subscribe("lru");
  subscription.add("ttl");
  client_.put("ttl", "k", 1);
  EXPECT_EQ(subscription.next(seconds(20))->cache, "ttl");
  client_.put("lru", "before", 1);
  EXPECT_TRUE(subscription.remove("lru"));
  EXPECT_FALSE(subscription.remove("lru"));
  client_.put("lru", "after", 1);
  client_.put("ttl", "k", 1);
  EXPECT_THAT(subscription.next(seconds(20))->keys, Optional(ElementsAre("before")));
  EXPECT_EQ(subscription.next(seconds(20))->cache, "ttl");
}

TEST_F(SubscriptionTest, cache_that_is_subscribed_again_tells_all_its_changes) {
  auto subscription = client_.subscribe("lru");
  for (int i = 0; i < 3; ++i) client_.put("lru", "k", i);
  EXPECT_TRUE(subscription.remove("lru"));
  subscription.add("lru");
  client_.put("lru", "again", 1);
  for (int i = 0; i < 3; ++i) EXPECT_THAT(subscription.next(seconds(20))->keys, Optional(ElementsAre("k")));
  EXPECT_THAT(subscription.next(seconds(20))->keys, Optional(ElementsAre("again")));
}

TEST_F(SubscriptionTest, unknown_cache_cannot_be_subscribed) {
  EXPECT_THROW(client_.subscribe("no_cache"), ServerError);
}

TEST_F(SubscriptionTest, get_shares_the_order_of_the_changes) {
  auto subscription = client_.subscribe("lru");
  for (int i = 0; i < 50; ++i) client_.put("lru", "k", i);
  EXPECT_EQ(subscription.get<int>("lru", "k"), 49);
  for (int i = 0; i < 50; ++i)
    ASSERT_TRUE(subscription.next(milliseconds(0))) << "told before the value was read";
  EXPECT_EQ(subscription.get<int>("lru", "none"), std::nullopt);
}

TEST_F(SubscriptionTest, subscription_is_over_when_the_daemon_ends) {
  auto subscription = client_.subscribe("lru");
  client_.put("lru", "k", 1);
  daemon_.stop();
  EXPECT_TRUE(subscription.next(seconds(20))) << "what was told before is not lost";
  EXPECT_THROW(subscription.next(seconds(20)), ConnectionError);
  EXPECT_THROW(subscription.next(seconds(20)), ConnectionError);
  EXPECT_THROW(subscription.get<int>("lru", "k"), ConnectionError);
}

std::string invalidation(std::string_view key, int sequence) {
  return "\x93\x02" + pack("invalidate") + "\x93" + pack("lru") + "\x91" + pack(key) + pack(sequence);
}

TEST(SubscriptionLoss, gap_in_the_sequence_is_a_change_of_all_keys) {
  ScriptedPeer peer({[](PeerConnection& connection) {
    connection.reply(*connection.next_request(), "\x81" + pack("sequence") + pack(4));
    connection.send(invalidation("a", 5) + invalidation("b", 7) + invalidation("c", 8));
    connection.sees_end();
  }});
  Client client({.path = peer.path()});
  auto subscription = client.subscribe("lru");
  EXPECT_THAT(subscription.next(seconds(20))->keys, Optional(ElementsAre("a")));
  EXPECT_FALSE(subscription.next(seconds(20))->keys);
  EXPECT_THAT(subscription.next(seconds(20))->keys, Optional(ElementsAre("c")));
}

TEST(SubscriptionLoss, too_many_changes_during_a_request_are_a_change_of_all_keys) {
  ScriptedPeer peer({[](PeerConnection& connection) {
    connection.reply(*connection.next_request(), "\x81" + pack("sequence") + pack(0));
    const auto request = connection.next_request();
    std::string flood;
    for (int i = 1; i <= 70'000; ++i) flood += invalidation("k", i);
    connection.send(flood);
    connection.reply(*request, "\xc0");
    connection.sees_end();
  }});
  Client client({.path = peer.path(), .request_timeout = seconds(30)});
  auto subscription = client.subscribe("lru");
  EXPECT_EQ(subscription.get<int>("lru", "k"), std::nullopt);
  EXPECT_FALSE(subscription.next(seconds(20))->keys);
  EXPECT_FALSE(subscription.next(seconds(20))->keys) << "the first of those that were kept comes after a gap";
  EXPECT_TRUE(subscription.next(seconds(20))->keys);
}

TEST(SubscriptionLoss, garbage_ends_the_subscription) {
  ScriptedPeer peer({[](PeerConnection& connection) {
    connection.reply(*connection.next_request(), "\x81" + pack("sequence") + pack(0));
    connection.send("\xc1");
    connection.sees_end();
  }});
  Client client({.path = peer.path()});
  auto subscription = client.subscribe("lru");
  EXPECT_THROW(subscription.next(seconds(20)), ProtocolError);
  EXPECT_THROW(subscription.next(seconds(20)), ConnectionError);
}

}  // namespace
}  // namespace pannier::test
