// The stream of one client: how bytes become frames, and replies bytes.
#include "daemon/connection.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "storage/racing.h"
#include "tests/daemon/server_fixture.h"

namespace pannier::daemon {
namespace {

using std::string;
using ConnectionTest = ServerTest;

std::size_t count_of(const std::vector<string>& events, std::string_view event) {
  return static_cast<std::size_t>(std::count(events.begin(), events.end(), event));
}

TEST_F(ConnectionTest, a_request_is_answered_with_its_id) {
  start();
  TestClient client = connect();
  send_all(client, request(7, "echo", "hello"));
  const Reply reply = receive_replies(client, 1).front();
  EXPECT_EQ(reply.id, "\x07");
  EXPECT_EQ(reply.result, "hello");
}

TEST_F(ConnectionTest, a_stream_that_arrives_byte_by_byte_is_the_same_stream) {
  start();
  TestClient client = connect();
  const string stream =
      request(1, "echo", "one") + request(2, "echo", string(300, 'x')) + request(3, "echo", "");
  for (const char byte : stream) {
    send_all(client, {&byte, 1});
    pass();
  }
  const auto replies = receive_replies(client, 3);
  EXPECT_EQ(replies[0].result, "one");
  EXPECT_EQ(replies[1].result, string(300, 'x'));
  EXPECT_EQ(replies[2].result, "");
}

TEST_F(ConnectionTest, whole_frames_are_dispatched_in_order_and_the_cut_one_waits) {
  start();
  TestClient client = connect();
  string stream;
  for (std::uint64_t id = 0; id < 100; ++id) stream += request(id, "echo", std::to_string(id));
  const string last = request(100, "echo", "last");
  send_all(client, stream + last.substr(0, last.size() - 1));
  const auto replies = receive_replies(client, 100);
  for (std::size_t i = 0; i < 100; ++i) EXPECT_EQ(replies[i].result, std::to_string(i));
  EXPECT_EQ(dispatcher_->frames.size(), 100U);
  send_all(client, last.substr(last.size() - 1));
  EXPECT_EQ(receive_replies(client, 1).front().result, "last");
}

TEST_F(ConnectionTest, a_large_frame_arrives_whole_and_its_memory_is_given_back) {
  start();
  TestClient client = connect();
  string value(5 * kMiB, '\0');
  for (std::size_t i = 0; i < value.size(); ++i) value[i] = static_cast<char>(i * 31 >> 8);
  send_all(client, request(1, "echo", value) + request(2, "echo", "small"));
  const auto replies = receive_replies(client, 2);
  EXPECT_TRUE(replies[0].result == value);
  EXPECT_EQ(replies[1].result, "small");
  pass_until([this] { return server_->buffer_bytes() < kMiB / 4; });
  EXPECT_LT(server_->buffer_bytes(), 256U * 1024U);
}

TEST_F(ConnectionTest, memory_grows_with_what_arrived_not_with_what_was_announced) {
  start();
  TestClient client = connect();
  // A request whose parameter is announced with 60 MiB.
  send_all(client, string("\x94\x00\x01\xa4"
                          "echo"
                          "\x91\xc6\x03\xc0\x00\x00",
                          14) +
                       string(100, 'x'));
  for (int i = 0; i < 5; ++i) pass();
  EXPECT_GT(server_->buffer_bytes(), 0U);
  EXPECT_LE(server_->buffer_bytes(), 2 * InputBuffer::kStepBytes);
}

TEST_F(ConnectionTest, requests_before_the_end_of_the_stream_are_answered) {
  start();
  TestClient client = connect();
  send_all(client, request(1, "echo", "a") + request(2, "echo", "b"));
  client.finish_sending();
  EXPECT_EQ(receive_replies(client, 2)[1].result, "b");
  EXPECT_TRUE(ends(client));
  EXPECT_EQ(dispatcher_->events, (std::vector<string>{"ended", "closed"}));
}

TEST_F(ConnectionTest, after_the_end_of_the_stream_what_waits_is_still_answered) {
  start();
  TestClient client = connect();
  send_all(client, request(1, "later", ""));
  client.finish_sending();
  ASSERT_TRUE(pass_until([this] { return count_of(dispatcher_->events, "ended") == 1; }));
  for (int i = 0; i < 10; ++i) pass();
  EXPECT_TRUE(client.receive()) << "it stays while an answer is due";
  dispatcher_->answer_later();
  EXPECT_EQ(receive_replies(client, 1).front().result, "now");
  EXPECT_TRUE(ends(client));
}

TEST_F(ConnectionTest, a_frame_that_is_cut_by_the_end_of_the_stream_is_not_dispatched) {
  start();
  TestClient client = connect();
  const string whole = request(1, "echo", "abc");
  send_all(client, whole.substr(0, whole.size() - 1));
  client.finish_sending();
  EXPECT_TRUE(ends(client));
  EXPECT_TRUE(client.received.empty());
  EXPECT_TRUE(dispatcher_->frames.empty());
}

TEST_F(ConnectionTest, a_frame_over_the_limit_is_refused_by_its_announced_size) {
  start();
  TestClient client = connect();
  // 1 GiB announced, with the message's id before it.
  send_all(client, request(1, "echo", "before") + string("\x94\x00\x2a\xa4"
                                                         "echo"
                                                         "\x91\xc6\x40\x00\x00\x00",
                                                         14));
  const auto replies = receive_replies(client, 2);
  EXPECT_EQ(replies[0].result, "before");
  EXPECT_EQ(replies[1].id, "\x2a");
  EXPECT_EQ(replies[1].error.substr(0, 11), "too_large: ");
  EXPECT_TRUE(ends(client));
}

TEST_F(ConnectionTest, nothing_is_dispatched_after_what_is_no_message) {
  start();
  TestClient client = connect();
  send_all(client, string("\x91\x05", 2) + request(1, "echo", "too late"));
  EXPECT_EQ(receive_replies(client, 1).front().error, "bad_request: no request");
  EXPECT_TRUE(ends(client));
  EXPECT_EQ(dispatcher_->frames.size(), 1U);
}

TEST_F(ConnectionTest, a_client_that_is_still_sending_gets_the_error_first) {
  start();
  TestClient client = connect();
  // Far more than the socket's buffers hold: without reading on, the client could not finish sending.
  send_all(client, string(1, '\xc1') + string(8 * kMiB, 'x'));
  EXPECT_EQ(receive_replies(client, 1).front().error.substr(0, 13), "bad_request: ");
  EXPECT_TRUE(ends(client));
  EXPECT_EQ(dispatcher_->events, (std::vector<string>{"refused bad_request", "closed"}));
}

TEST_F(ConnectionTest, a_client_that_does_not_read_is_not_read_from) {
  limits_.unsent_bytes_max = kMiB;
  start();
  TestClient client = connect();
  string stream;
  for (std::uint64_t id = 0; id < 200; ++id) stream += fill_request(id, 100'000);
  send_all(client, stream);
  for (int i = 0; i < 100; ++i) pass();
  // What the limit lets pass, one reply, and what the kernel keeps.
  EXPECT_LT(dispatcher_->frames.size(), 40U);
  EXPECT_LE(server_->unsent_bytes(dispatcher_->last_from), kMiB + 100'100);
  const auto replies = receive_replies(client, 200);
  for (const Reply& reply : replies) EXPECT_EQ(reply.result.size(), 100'000U);
  EXPECT_GE(count_of(dispatcher_->events, "drained"), 1U);
}

TEST_F(ConnectionTest, replies_within_the_budget_are_all_made_without_any_being_read) {
  limits_.unsent_bytes_max = kMiB;
  start();
  TestClient client = connect();
  string stream;
  // More than one pass of them, and together just within the budget.
  for (std::uint64_t i = 0; i < 5'000; ++i) stream += fill_request(1, 200);
  send_all(client, stream);
  EXPECT_TRUE(pass_until([this] { return dispatcher_->frames.size() == 5'000; }));
}

TEST_F(ConnectionTest, a_client_that_reads_nothing_leaves_others_alone) {
  start();
  TestClient deaf = connect();
  TestClient other = connect();
  string stream;
  for (std::uint64_t id = 0; id < 50; ++id) stream += fill_request(id, 200'000);
  send_all(deaf, stream);
  send_all(other, request(1, "echo", "hi"));
  EXPECT_EQ(receive_replies(other, 1).front().result, "hi");
}

TEST_F(ConnectionTest, a_client_that_goes_with_unread_replies_is_gone) {
  start();
  TestClient client = connect();
  string stream;
  for (std::uint64_t id = 0; id < 50; ++id) stream += fill_request(id, 200'000);
  send_all(client, stream);
  for (int i = 0; i < 20; ++i) pass();
  client.close();
  EXPECT_TRUE(pass_until([this] { return server_->connections() == 0; }));
  EXPECT_EQ(server_->buffer_bytes(), 0U);
  EXPECT_EQ(server_->output(dispatcher_->last_from), nullptr);
}

TEST_F(ConnectionTest, a_congested_connection_waits_and_goes_on) {
  start();
  TestClient client = connect();
  dispatcher_->congest(true);
  send_all(client, request(1, "echo", "a") + request(2, "echo", "b"));
  for (int i = 0; i < 20; ++i) pass();
  EXPECT_TRUE(dispatcher_->frames.empty());
  dispatcher_->congest(false);
  EXPECT_EQ(receive_replies(client, 2)[1].result, "b");
}

TEST_F(ConnectionTest, no_client_has_more_than_its_share_of_a_pass) {
  start();
  TestClient greedy = connect();
  string stream;
  for (std::uint64_t id = 0; id < 20'000; ++id) stream += request(id % 100, "echo", "");
  std::size_t most = 0;
  std::string_view rest = stream;
  while (dispatcher_->frames.size() < 20'000) {
    if (!rest.empty()) rest.remove_prefix(greedy.send_some(rest).value_or(0));
    const std::size_t before = dispatcher_->frames.size();
    pass();
    most = std::max(most, dispatcher_->frames.size() - before);
    greedy.receive();
  }
  // Before and after the loop slept.
  EXPECT_LE(most, 2 * Connection::kPassFramesMax);
  // The thread sanitizer makes frames so slow that kPassNsMax ends a pass before.
  EXPECT_GT(most, Connection::kPassFramesMax / (storage::kStoresAreChecked ? 16 : 2));
  EXPECT_EQ(receive_replies(greedy, 20'000).size(), 20'000U);
}

TEST_F(ConnectionTest, what_is_appended_outside_of_a_dispatch_is_sent) {
  start();
  TestClient client = connect();
  send_all(client, request(1, "later", ""));
  ASSERT_TRUE(pass_until([this] { return dispatcher_->frames.size() == 1; }));
  UvTimer timer(loop_, [this] { dispatcher_->answer_later(); });
  timer.start(0);
  EXPECT_EQ(receive_replies(client, 1).front().result, "now");
}

}  // namespace
}  // namespace pannier::daemon
