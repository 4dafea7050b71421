#include "daemon/arriving.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "protocol/writer.h"
#include "tests/daemon/server_fixture.h"

namespace pannier::daemon {
namespace {

constexpr std::size_t kLarge = std::size_t{1} << 20;

/// A request whose only parameter is large, without its end.
std::string start_of(std::string_view method, std::size_t bytes = kLarge) {
  return request(7, method, std::string(2 * bytes, 'v')).substr(0, bytes);
}

std::string notification_of(std::string_view method) {
  std::string bytes;
  protocol::Writer writer(bytes);
  writer.array(3);
  writer.unsigned_integer(2);
  writer.string(method);
  return bytes;
}

TEST(Arriving, only_requests_that_write_bring_values) {
  EXPECT_TRUE(brings_values(start_of("put")));
  EXPECT_TRUE(brings_values(start_of("put_many")));
  EXPECT_TRUE(brings_values(notification_of("put")));
  for (const std::string_view method : {"get_many", "putt", "pu", "", "delete_many", "echo"}) {
    EXPECT_FALSE(brings_values(start_of(method))) << method;
    EXPECT_FALSE(brings_values(notification_of(method))) << method;
  }
}

TEST(Arriving, what_is_no_message_or_ends_before_its_method_brings_nothing) {
  const std::string whole = start_of("put", 64);
  const std::size_t method_end = whole.find("put") + 3;
  for (std::size_t size = 0; size < method_end; ++size)
    EXPECT_FALSE(brings_values(std::string_view(whole).substr(0, size))) << size;
  EXPECT_TRUE(brings_values(std::string_view(whole).substr(0, method_end)));
  using namespace std::literals;
  for (const std::string_view bytes :
       {"\x93\x00\xa3put"sv, "\x94\x02\x01\xa3put"sv, "\x94\x00\xa1k\xa3put"sv, "\x94\x00\xc1\xa3put"sv,
        "\x84\x00\x01\xa3put"sv, "\x94\x01\x01\xa3put"sv, "put"sv, "\xc1"sv}) {
    EXPECT_FALSE(brings_values(bytes));
  }
}

TEST(Arriving, sums_what_each_connection_has_sent_so_far) {
  Arriving arriving;
  arriving.note(1, start_of("put", 100'000));
  arriving.note(2, start_of("put_many", 200'000));
  arriving.note(3, start_of("get_many", 400'000));
  EXPECT_EQ(arriving.bytes(), 300'000);
  arriving.note(1, start_of("put", 150'000));
  EXPECT_EQ(arriving.bytes(), 350'000);
  arriving.note(2, {});
  arriving.note(3, {});
  EXPECT_EQ(arriving.bytes(), 150'000);
  arriving.note(1, start_of("put", 90'000));
  EXPECT_EQ(arriving.bytes(), 90'000);
  arriving.note(1, {});
  arriving.note(1, {});
  EXPECT_EQ(arriving.bytes(), 0);
}

class ArrivingFromConnections : public ServerTest {};

TEST_F(ArrivingFromConnections, a_large_frame_is_told_while_it_is_not_whole_and_then_no_more) {
  start();
  TestClient client = connect();
  const std::string whole = request(1, "echo", std::string(4 * kLarge, 'v'));
  send_all(client, request(2, "echo", "small") + whole.substr(0, 3 * kLarge));
  ASSERT_TRUE(pass_until([&] { return dispatcher_->arriving_bytes >= 3 * kLarge; }));
  EXPECT_EQ(dispatcher_->arriving_bytes, 3 * kLarge);
  EXPECT_EQ(dispatcher_->arriving_start, whole.substr(0, 16));
  send_all(client, whole.substr(3 * kLarge));
  receive_replies(client, 2);
  EXPECT_TRUE(pass_until([&] { return dispatcher_->arriving_bytes == 0; }));
}

TEST_F(ArrivingFromConnections, a_client_that_leaves_in_the_middle_is_told_as_closed) {
  start();
  TestClient client = connect();
  send_all(client, request(1, "echo", std::string(kLarge, 'v')).substr(0, kLarge / 2));
  ASSERT_TRUE(pass_until([&] { return dispatcher_->arriving_bytes == kLarge / 2; }));
  client.close();
  EXPECT_TRUE(
      pass_until([&] { return !dispatcher_->events.empty() && dispatcher_->events.back() == "closed"; }));
}

TEST_F(ArrivingFromConnections, small_frames_are_not_told) {
  start();
  TestClient client = connect();
  const std::string whole = request(1, "echo", std::string(Connection::kLargeFrameBytes - 100, 'v'));
  send_all(client, whole.substr(0, whole.size() - 1));
  for (int i = 0; i < 10; ++i) pass();
  send_all(client, whole.substr(whole.size() - 1));
  receive_replies(client, 1);
  EXPECT_EQ(dispatcher_->arriving_tellings, 0);
}

}  // namespace
}  // namespace pannier::daemon
