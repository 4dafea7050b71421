// The bookkeeping of requests in flight, without a loop or a socket.
#include "client/async/in_flight.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

namespace pannier::test {
namespace {

using detail::Deadline;
using detail::InFlight;
using std::chrono::seconds;
using ::testing::ElementsAre;

const Deadline kStart = Deadline(seconds(1000));

class InFlightTest : public ::testing::Test {
 protected:
  void add(std::uint64_t id, std::string frame, bool is_repeatable = false, int after_s = 10) {
    in_flight_.add(
        {.id = id, .frame = std::move(frame), .is_repeatable = is_repeatable},
        [this, id](const Reply&) { called_.push_back(id); }, kStart + seconds(after_s));
  }
  std::string send_all() {
    std::string all;
    for (auto bytes = in_flight_.unsent(); !bytes.empty(); bytes = in_flight_.unsent()) {
      all += bytes;
      in_flight_.sent(bytes.size());
    }
    return all;
  }
  /// Calls them; how many of them may have run.
  int call(const std::vector<InFlight::Due>& due) {
    int count = 0;
    for (const auto& each : due) {
      each.done(Reply(std::string()));
      count += each.may_have_run ? 1 : 0;
    }
    return count;
  }

  InFlight in_flight_{100, std::size_t{1} << 20};
  std::vector<std::uint64_t> called_;
};

TEST_F(InFlightTest, requests_are_sent_in_the_order_in_which_they_came) {
  add(5, "five");
  add(1, "one");
  add(3, std::string(70'000, 'l'));
  add(2, "two");
  EXPECT_EQ(in_flight_.unsent().substr(0, 8), "fiveonel");
  EXPECT_EQ(send_all(), "fiveone" + std::string(70'000, 'l') + "two");
  EXPECT_FALSE(in_flight_.has_unsent());
}

TEST_F(InFlightTest, bytes_that_were_taken_one_by_one_are_the_same) {
  add(1, "one");
  add(2, "two");
  std::string all;
  while (in_flight_.has_unsent()) {
    all += in_flight_.unsent().substr(0, 1);
    in_flight_.sent(1);
  }
  EXPECT_EQ(all, "onetwo");
}

TEST_F(InFlightTest, only_what_was_sent_can_be_answered_and_whether_all_of_it_was_is_told) {
  add(1, "one");
  add(2, "two");
  EXPECT_FALSE(in_flight_.awaits_answer());
  EXPECT_FALSE(in_flight_.answered(1));
  in_flight_.sent(5);
  EXPECT_TRUE(in_flight_.awaits_answer());
  EXPECT_TRUE(in_flight_.answered(1)->was_whole);
  EXPECT_FALSE(in_flight_.answered(1)) << "twice";
  EXPECT_FALSE(in_flight_.answered(2)->was_whole);
  EXPECT_EQ(in_flight_.size(), 0u);
}

TEST_F(InFlightTest, what_goes_again_is_not_answered_before_it_is_sent_again) {
  add(1, "get", true);
  send_all();
  in_flight_.disconnected();
  EXPECT_FALSE(in_flight_.awaits_answer());
  EXPECT_FALSE(in_flight_.answered(1));
  send_all();
  EXPECT_TRUE(in_flight_.answered(1));
}

TEST_F(InFlightTest, unsent_request_whose_time_is_over_is_never_sent) {
  add(1, "one", true, 1);
  add(2, "two", true, 9);
  EXPECT_EQ(in_flight_.next_deadline(), kStart + seconds(1));
  EXPECT_EQ(call(in_flight_.expired(kStart + seconds(1))), 0) << "it cannot have run";
  EXPECT_THAT(called_, ElementsAre(1));
  EXPECT_EQ(send_all(), "two");
}

TEST_F(InFlightTest, request_that_was_begun_is_sent_to_its_end_and_its_late_answer_is_known) {
  add(1, "one", false, 1);
  in_flight_.sent(1);
  EXPECT_EQ(call(in_flight_.expired(kStart + seconds(2))), 1);
  EXPECT_EQ(in_flight_.size(), 0u);
  EXPECT_EQ(in_flight_.next_deadline(), std::nullopt);
  EXPECT_EQ(send_all(), "ne");
  const auto answered = in_flight_.answered(1);
  ASSERT_TRUE(answered);
  EXPECT_FALSE(answered->done) << "it was called already";
}

TEST_F(InFlightTest, lost_connection_repeats_what_may_be_repeated_and_ends_the_rest) {
  add(1, "get1", true);
  add(2, "put2", false);
  add(3, "get3", true);
  send_all();
  add(4, "put4", false);
  add(5, "put5", false);
  in_flight_.sent(1);
  EXPECT_EQ(call(in_flight_.disconnected()), 2);
  EXPECT_THAT(called_, ElementsAre(2, 4));
  EXPECT_EQ(send_all(), "get1get3put5");
}

TEST_F(InFlightTest, request_is_repeated_once_only) {
  add(1, "get", true);
  send_all();
  EXPECT_TRUE(in_flight_.disconnected().empty());
  send_all();
  EXPECT_EQ(call(in_flight_.disconnected()), 1);
  EXPECT_THAT(called_, ElementsAre(1));
  EXPECT_FALSE(in_flight_.has_unsent());
}

TEST_F(InFlightTest, given_up_requests_end_in_their_order) {
  add(7, "a", true);
  add(3, "b", true);
  send_all();
  add(5, "c", true);
  EXPECT_EQ(call(in_flight_.give_up()), 2);
  EXPECT_THAT(called_, ElementsAre(7, 3, 5));
  EXPECT_EQ(in_flight_.size(), 0u);
}

TEST_F(InFlightTest, room_counts_requests_and_the_bytes_that_are_kept) {
  InFlight small(2, 10);
  EXPECT_TRUE(small.has_room(1000)) << "a large request alone";
  small.add(
      {.id = 1, .frame = "12345678"}, [](const Reply&) {}, kStart);
  EXPECT_TRUE(small.has_room(2));
  EXPECT_FALSE(small.has_room(3));
  small.sent(8);
  EXPECT_TRUE(small.has_room(10)) << "a frame that is not sent again is not kept";
  small.add(
      {.id = 2, .frame = "x"}, [](const Reply&) {}, kStart);
  EXPECT_FALSE(small.has_room(1));
  small.expired(kStart);
  EXPECT_TRUE(small.has_room(1)) << "the unsent one is gone";
}

}  // namespace
}  // namespace pannier::test
