// Leases by example, and a random run against rules that must hold whatever happens.
#include "daemon/leases.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>

namespace pannier::daemon {
namespace {

using Kind = LeaseAnswer::Kind;
using protocol::MessageId;
using storage::TimeMs;

const CacheKey kKey{1, "k"};

ClientLimits with_three_leases() {
  ClientLimits limits;
  limits.leases_max = 3;
  return limits;
}

class LeasesTest : public testing::Test {
 protected:
  LeaseRequest from(ConnectionId connection, std::uint64_t lease_ms = 100) {
    return {connection, MessageId::from_integer(++last_id_), lease_ms};
  }

  Token last_token_ = 0;
  std::uint64_t last_id_ = 0;
  ClientLimits limits_ = with_three_leases();
  Leases leases_{limits_, [this] { return std::optional<Token>(++last_token_); }};
};

TEST_F(LeasesTest, one_holds_and_a_write_answers_all_who_wait) {
  ASSERT_TRUE(leases_.grant(kKey, from(1), 0));
  leases_.wait(kKey, from(2), 50);
  leases_.wait(kKey, from(3), 50);
  const auto answers = leases_.written(kKey);
  ASSERT_EQ(answers.size(), 2U);
  EXPECT_EQ(answers[0].kind, Kind::kValue);
  EXPECT_EQ(answers[0].request.connection, 2U);
  EXPECT_EQ(answers[1].request.connection, 3U);
  EXPECT_FALSE(leases_.is_leased(kKey));
  EXPECT_EQ(leases_.next_due(), storage::kNever);
}

TEST_F(LeasesTest, a_lease_that_runs_out_passes_to_the_first_who_waits) {
  const Token first = *leases_.grant(kKey, from(1, 10), 0);
  leases_.wait(kKey, from(2, 30), 50);
  leases_.wait(kKey, from(3), 50);
  EXPECT_EQ(leases_.next_due(), 10);
  EXPECT_TRUE(leases_.expire(9).empty());
  const auto answers = leases_.expire(10);
  ASSERT_EQ(answers.size(), 1U);
  EXPECT_EQ(answers[0].kind, Kind::kGranted);
  EXPECT_EQ(answers[0].request.connection, 2U);
  EXPECT_FALSE(leases_.is_holder(kKey, first));
  EXPECT_TRUE(leases_.is_holder(kKey, answers[0].token));
  EXPECT_EQ(leases_.next_due(), 40) << "its own lease_ms counts, from when it was granted";
}

TEST_F(LeasesTest, a_wait_that_runs_out_is_answered_nothing_and_the_lease_stays) {
  const Token token = *leases_.grant(kKey, from(1, 100), 0);
  leases_.wait(kKey, from(2), 20);
  const auto answers = leases_.expire(20);
  ASSERT_EQ(answers.size(), 1U);
  EXPECT_EQ(answers[0].kind, Kind::kNothing);
  EXPECT_TRUE(leases_.is_holder(kKey, token));
}

TEST_F(LeasesTest, who_has_waited_too_long_when_the_lease_ends_is_passed_over) {
  ASSERT_TRUE(leases_.grant(kKey, from(1, 20), 0));
  leases_.wait(kKey, from(2), 20);
  leases_.wait(kKey, from(3), 30);
  const auto answers = leases_.expire(20);
  ASSERT_EQ(answers.size(), 2U);
  EXPECT_EQ(answers[0].kind, Kind::kNothing);
  EXPECT_EQ(answers[1].kind, Kind::kGranted);
  EXPECT_EQ(answers[1].request.connection, 3U);
}

TEST_F(LeasesTest, a_client_that_ends_gives_its_lease_to_another_and_never_to_itself) {
  ASSERT_TRUE(leases_.grant(kKey, from(1), 0));
  leases_.wait(kKey, from(1), 50);
  leases_.wait(kKey, from(2), 50);
  const auto answers = leases_.ended(1, 5);
  ASSERT_EQ(answers.size(), 2U);
  EXPECT_EQ(answers[0].kind, Kind::kNothing);
  EXPECT_EQ(answers[0].request.connection, 1U);
  EXPECT_EQ(answers[1].kind, Kind::kGranted);
  EXPECT_EQ(answers[1].request.connection, 2U);
}

TEST_F(LeasesTest, who_holds_as_many_as_it_may_is_passed_over) {
  for (const auto* key : {"a", "b", "c"}) ASSERT_TRUE(leases_.grant({1, key}, from(2, 1'000), 0));
  EXPECT_EQ(leases_.bound_on_holding(from(2)), Leases::Bound::kOfConnection);
  ASSERT_TRUE(leases_.grant(kKey, from(1), 0));
  leases_.wait(kKey, from(2), 50);
  leases_.wait(kKey, from(3), 50);
  const auto answers = leases_.passed_on(kKey, 1);
  ASSERT_EQ(answers.size(), 2U);
  EXPECT_EQ(answers[0].kind, Kind::kTooMany);
  EXPECT_EQ(answers[1].kind, Kind::kGranted);
}

TEST_F(LeasesTest, what_a_user_holds_on_all_connections_is_bounded_together) {
  limits_.user_leases_max = 3;
  const auto of = [this](ConnectionId connection, std::optional<uid_t> user) {
    LeaseRequest request = from(connection, 1'000);
    request.user = user;
    return request;
  };
  for (const ConnectionId connection : {1, 2, 3}) {
    ASSERT_EQ(leases_.bound_on_holding(of(connection, 7)), Leases::Bound::kNone);
    ASSERT_TRUE(leases_.grant({1, std::to_string(connection)}, of(connection, 7), 0));
  }
  EXPECT_EQ(leases_.bound_on_holding(of(4, 7)), Leases::Bound::kOfUser);
  EXPECT_EQ(leases_.bound_on_holding(of(4, 8)), Leases::Bound::kNone);
  EXPECT_EQ(leases_.bound_on_holding(of(4, std::nullopt)), Leases::Bound::kNone);
  leases_.passed_on({1, "1"}, 0);
  EXPECT_EQ(leases_.bound_on_holding(of(4, 7)), Leases::Bound::kNone);
}

TEST_F(LeasesTest, a_long_key_counts_once_more_for_each_kilobyte) {
  const CacheKey long_key{1, std::string(2 * Leases::kBytesCounted, 'k')};
  ASSERT_TRUE(leases_.grant(long_key, from(1), 0));
  EXPECT_EQ(leases_.bound_on_holding(from(1)), Leases::Bound::kOfConnection);
  limits_.waiting_max = 3;
  leases_.wait(long_key, from(2), 50);
  EXPECT_EQ(leases_.bound_on_waiting(from(2)), Leases::Bound::kOfConnection);
  leases_.passed_on(long_key, 1);
  EXPECT_EQ(leases_.bound_on_holding(from(1)), Leases::Bound::kNone);
  EXPECT_EQ(leases_.bound_on_holding(from(2)), Leases::Bound::kOfConnection);
  EXPECT_EQ(leases_.bound_on_waiting(from(2)), Leases::Bound::kNone);
}

TEST_F(LeasesTest, what_a_user_waits_for_on_all_connections_is_bounded_together) {
  limits_.user_waiting_max = 2;
  LeaseRequest request = from(2);
  request.user = 7;
  ASSERT_TRUE(leases_.grant(kKey, from(1), 0));
  leases_.wait(kKey, request, 50);
  request.connection = 3;
  leases_.wait(kKey, request, 50);
  request.connection = 4;
  EXPECT_EQ(leases_.bound_on_waiting(request), Leases::Bound::kOfUser);
  leases_.ended(3, 1);
  EXPECT_EQ(leases_.bound_on_waiting(request), Leases::Bound::kNone);
}

TEST_F(LeasesTest, a_clear_ends_the_leases_with_the_prefix_alone) {
  const Token inside = *leases_.grant({1, "ab"}, from(1), 0);
  const Token outside = *leases_.grant({1, "b"}, from(1), 0);
  const Token elsewhere = *leases_.grant({2, "ab"}, from(1), 0);
  leases_.cleared(1, "a", 0);
  EXPECT_FALSE(leases_.is_holder({1, "ab"}, inside));
  EXPECT_TRUE(leases_.is_holder({1, "b"}, outside));
  EXPECT_TRUE(leases_.is_holder({2, "ab"}, elsewhere));
}

TEST_F(LeasesTest, a_drop_tells_all_who_wait) {
  ASSERT_TRUE(leases_.grant(kKey, from(1), 0));
  leases_.wait(kKey, from(2), 50);
  const auto answers = leases_.dropped(1);
  ASSERT_EQ(answers.size(), 1U);
  EXPECT_EQ(answers[0].kind, Kind::kNoCache);
  EXPECT_EQ(leases_.leases(), 0U);
}

TEST_F(LeasesTest, at_shut_down_everyone_who_waits_is_told) {
  ASSERT_TRUE(leases_.grant(kKey, from(1), 0));
  leases_.wait(kKey, from(2), 50);
  EXPECT_EQ(leases_.shut_down().size(), 1U);
  EXPECT_EQ(leases_.next_due(), storage::kNever);
}

/// Every request is answered exactly once; of those who wait for a key one holds it; nothing outlasts its
/// time.
class RandomRun {
 public:
  void step() {
    now_ += static_cast<TimeMs>(pick(3));
    const CacheKey key{1, std::string(1, static_cast<char>('a' + pick(4)))};
    switch (pick(8)) {
      case 0:
        return take(leases_.written(key));
      case 1:
        return take(leases_.passed_on(key, now_));
      case 2:
        return take(leases_.ended(1 + pick(5), now_));
      case 3:
        return take(leases_.expire(now_));
      case 4:
        return pick(20) == 0 ? take(leases_.cleared(1, "a", now_)) : void();
      default:
        return ask(key);
    }
  }

  void finish() {
    take(leases_.expire(now_ + 10'000));
    take(leases_.expire(now_ + 20'000));
    EXPECT_EQ(leases_.leases(), 0U);
    EXPECT_EQ(leases_.waiting(), 0U);
    EXPECT_TRUE(open_.empty());
  }

 private:
  std::uint64_t pick(std::uint64_t below) { return random_() % below; }

  void ask(const CacheKey& key) {
    const LeaseRequest request{1 + pick(5), MessageId::from_integer(++last_id_), 1 + pick(20)};
    if (leases_.is_leased(key)) {
      open_[last_id_] = now_ + static_cast<TimeMs>(1 + pick(20));
      leases_.wait(key, request, open_[last_id_]);
    } else if (leases_.bound_on_holding(request) == Leases::Bound::kNone) {
      EXPECT_TRUE(leases_.is_holder(key, *leases_.grant(key, request, now_)));
    }
  }

  void take(const LeaseAnswers& answers) {
    for (const auto& answer : answers) {
      const std::uint64_t id = *protocol::Cursor(answer.request.id.encoded()).read_unsigned();
      ASSERT_EQ(open_.erase(id), 1U) << "answered twice, or never asked";
    }
    std::uint64_t granted = 0;
    for (const auto& answer : answers) {
      if (answer.kind == Kind::kGranted && leases_.is_holder(answer.key, answer.token)) ++granted;
    }
    EXPECT_LE(granted, leases_.leases());
    EXPECT_EQ(leases_.waiting(), open_.size());
  }

  std::mt19937_64 random_{42};
  Token last_token_ = 0;
  ClientLimits limits_ = with_three_leases();
  Leases leases_{limits_, [this] { return std::optional<Token>(++last_token_); }};
  TimeMs now_ = 0;
  std::uint64_t last_id_ = 0;
  std::map<std::uint64_t, TimeMs> open_;  // requests that wait, and until when
};

TEST(LeasesModelTest, every_request_is_answered_exactly_once) {
  RandomRun run;
  for (int i = 0; i < 200'000; ++i) run.step();
  run.finish();
}

}  // namespace
}  // namespace pannier::daemon
