#include "daemon/subscriptions.h"

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "protocol/cursor.h"

namespace pannier::daemon {
namespace {

/// Outputs without sockets.
class MemoryOutbox final : public Outbox {
 public:
  std::string* output(ConnectionId to) override {
    const auto found = outputs.find(to);
    return found == outputs.end() ? nullptr : &found->second;
  }
  void send_through(ConnectionId to, std::span<const protocol::Bytes> parts) override {
    for (const protocol::Bytes part : parts) outputs.at(to).append(part);
  }
  void send_with(ConnectionId, std::span<const int>) override {
    FAIL() << "subscriptions send no descriptors";
  }
  std::shared_ptr<const void> hold_input(ConnectionId, protocol::Bytes) override { return nullptr; }
  std::uint64_t unsent_bytes(ConnectionId to) const override { return outputs.at(to).size(); }
  std::uint64_t connections() const override { return outputs.size(); }
  const Traffic& traffic() const override { return traffic_; }
  std::uint64_t buffer_bytes() const override { return 0; }
  Visitor* visitor(ConnectionId) const override { return nullptr; }
  pid_t pid(ConnectionId) const override { return 0; }
  void dismiss(ConnectionId, const protocol::Error&) override {}

  std::map<ConnectionId, std::string> outputs;

 private:
  Traffic traffic_;
};

/// `cache: keys #sequence` of each notification, keys "*" for nil.
std::vector<std::string> told(const std::string& output) {
  std::vector<std::string> lines;
  protocol::Cursor cursor(output);
  while (!cursor.at_end()) {
    EXPECT_EQ(cursor.read_array(), 3U);
    EXPECT_EQ(cursor.read_integer(), 2);
    EXPECT_EQ(cursor.read_string(), "invalidate");
    EXPECT_EQ(cursor.read_array(), 3U);
    std::string line(*cursor.read_string());
    line += ":";
    if (cursor.read_nil()) {
      line += " *";
    } else {
      for (auto left = *cursor.read_array(); left > 0; --left) line.append(" ").append(*cursor.read_string());
    }
    lines.push_back(line + " #" + std::to_string(*cursor.read_unsigned()));
  }
  return lines;
}

using Lines = std::vector<std::string>;

class SubscriptionsTest : public testing::Test {
 protected:
  SubscriptionsTest() {
    outbox_.outputs = {{1, ""}, {2, ""}};
    limits_.unsent_bytes_max = 200;
    limits_.subscriptions_max = 2;
  }

  MemoryOutbox outbox_;
  ClientLimits limits_;
  Subscriptions subscriptions_{outbox_, limits_};
};

TEST_F(SubscriptionsTest, sequences_are_consecutive_and_told_keys_have_the_prefix) {
  EXPECT_EQ(subscriptions_.subscribe(1, "c", "a"), 0U);
  EXPECT_EQ(subscriptions_.subscribe(2, "c", ""), 0U);
  subscriptions_.changed("c", "ab");
  subscriptions_.changed("c", "b");
  subscriptions_.changed("d", "ab");
  subscriptions_.changed("c", "a");
  EXPECT_EQ(told(outbox_.outputs[1]), (Lines{"c: ab #1", "c: a #2"}));
  EXPECT_EQ(told(outbox_.outputs[2]), (Lines{"c: ab #1", "c: b #2", "c: a #3"}));
}

TEST_F(SubscriptionsTest, subscribing_again_replaces_the_prefix_and_counts_on) {
  subscriptions_.subscribe(1, "c", "a");
  subscriptions_.changed("c", "a");
  EXPECT_EQ(subscriptions_.subscribe(1, "c", "b"), 1U);
  subscriptions_.changed("c", "a");
  subscriptions_.changed("c", "b");
  EXPECT_EQ(told(outbox_.outputs[1]), (Lines{"c: a #1", "c: b #2"}));
}

TEST_F(SubscriptionsTest, a_clear_concerns_those_whose_keys_may_be_in_it) {
  subscriptions_.subscribe(1, "c", "ab");
  subscriptions_.subscribe(2, "c", "b");
  subscriptions_.changed_all("c", "a");
  subscriptions_.changed_all("c", "abc");
  EXPECT_EQ(told(outbox_.outputs[1]), (Lines{"c: * #1", "c: * #2"}));
  EXPECT_TRUE(outbox_.outputs[2].empty());
}

TEST_F(SubscriptionsTest, a_slow_one_costs_no_memory_and_is_told_to_forget_everything) {
  subscriptions_.subscribe(1, "c", "");
  for (int i = 0; i < 1'000; ++i) subscriptions_.changed("c", "key");
  EXPECT_LE(outbox_.outputs[1].size(), 300U);
  outbox_.outputs[1].clear();
  subscriptions_.changed("c", "key");
  EXPECT_TRUE(outbox_.outputs[1].empty()) << "nothing single follows what was lost";
  subscriptions_.drained(1);
  subscriptions_.changed("c", "key");
  EXPECT_EQ(told(outbox_.outputs[1]), (Lines{"c: * #1002", "c: key #1003"}));
}

TEST_F(SubscriptionsTest, a_connection_has_at_most_so_many) {
  EXPECT_TRUE(subscriptions_.subscribe(1, "a", ""));
  EXPECT_TRUE(subscriptions_.subscribe(1, "b", ""));
  EXPECT_FALSE(subscriptions_.subscribe(1, "c", ""));
  EXPECT_TRUE(subscriptions_.unsubscribe(1, "a"));
  EXPECT_FALSE(subscriptions_.unsubscribe(1, "a"));
  EXPECT_TRUE(subscriptions_.subscribe(1, "c", ""));
}

TEST_F(SubscriptionsTest, prefixes_of_a_connection_are_bounded_together) {
  const std::string half(Subscriptions::kPrefixBytesMax / 2, 'p');
  EXPECT_TRUE(subscriptions_.subscribe(1, "a", half));
  EXPECT_FALSE(subscriptions_.subscribe(1, "b", half + "pp"));
  EXPECT_FALSE(subscriptions_.subscribe(1, "a", half + half + "pp"));
  EXPECT_TRUE(subscriptions_.subscribe(2, "b", half + "pp"));
  EXPECT_TRUE(subscriptions_.subscribe(1, "a", "p"));
  EXPECT_TRUE(subscriptions_.subscribe(1, "b", half + "p"));
  EXPECT_TRUE(subscriptions_.unsubscribe(1, "b"));
  EXPECT_TRUE(subscriptions_.subscribe(1, "c", half + "p"));
}

TEST_F(SubscriptionsTest, a_closed_connection_has_none) {
  subscriptions_.subscribe(1, "c", "");
  subscriptions_.closed(1);
  EXPECT_EQ(subscriptions_.count(), 0U);
}

TEST_F(SubscriptionsTest, the_sequence_tells_how_much_was_told) {
  EXPECT_EQ(subscriptions_.sequence(1, "lru"), 0U);
  subscriptions_.subscribe(1, "lru", "a");
  subscriptions_.changed("lru", "a1");
  subscriptions_.changed("lru", "b1");
  subscriptions_.changed("ttl", "a1");
  EXPECT_EQ(subscriptions_.sequence(1, "lru"), 1U);
  EXPECT_EQ(subscriptions_.sequence(1, "ttl"), 0U);
  EXPECT_EQ(subscriptions_.sequence(2, "lru"), 0U);
}

}  // namespace
}  // namespace pannier::daemon
