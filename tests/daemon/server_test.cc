// All connections together: how many there may be, what they may hold, and their end.
#include "daemon/server.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "tests/daemon/server_fixture.h"

namespace pannier::daemon {
namespace {

using std::string;

/// The beginning of a request of `echo` whose parameter is announced with 60 MiB.
string announced_request(std::size_t bytes_arrived) {
  return string(
             "\x94\x00\x01\xa4"
             "echo"
             "\x91\xc6\x03\xc0\x00\x00",
             14) +
         string(bytes_arrived, 'x');
}

TEST_F(ServerTest, a_connection_above_the_limit_is_told_and_closed) {
  limits_.connections_max = 2;
  start();
  TestClient first = connect();
  TestClient second = connect();
  send_all(first, request(1, "echo", "a"));
  send_all(second, request(1, "echo", "b"));
  receive_replies(first, 1);
  receive_replies(second, 1);

  TestClient third = connect();
  send_all(third, request(1, "echo", "c"));
  const Reply refusal = receive_replies(third, 1).front();
  EXPECT_EQ(refusal.id, "\xc0");
  EXPECT_EQ(refusal.error.substr(0, 12), "overloaded: ");
  EXPECT_TRUE(ends(third));
  EXPECT_EQ(server_->connections(), 2U);
  EXPECT_EQ(dispatcher_->frames.size(), 2U);

  first.close();
  ASSERT_TRUE(pass_until([this] { return server_->connections() == 1; }));
  TestClient fourth = connect();
  send_all(fourth, request(1, "echo", "d"));
  EXPECT_EQ(receive_replies(fourth, 1).front().result, "d");
}

TEST_F(ServerTest, what_was_sent_to_nobody_yet_is_not_the_first_connection_that_is_gone) {
  start();
  TestClient first = connect();
  TestClient second = connect();
  ASSERT_TRUE(pass_until([this] { return server_->connections() == 2; }));
  first.close();
  ASSERT_TRUE(pass_until([this] { return server_->connections() == 1; }));
  EXPECT_EQ(server_->output(0), nullptr);
  send_all(second, request(1, "echo", "a"));
  EXPECT_EQ(receive_replies(second, 1).front().result, "a");
}

TEST_F(ServerTest, many_refused_connections_do_not_add_up) {
  limits_.connections_max = 1;
  start();
  TestClient served = connect();
  send_all(served, request(1, "echo", "a"));
  receive_replies(served, 1);
  std::vector<TestClient> refused;
  for (std::uint32_t i = 0; i < 3 * Server::kRefusedMax; ++i) {
    refused.push_back(connect());
    pass();
  }
  for (TestClient& client : refused) {
    EXPECT_EQ(receive_replies(client, 1).front().error.substr(0, 12), "overloaded: ");
    EXPECT_TRUE(ends(client));
  }
  send_all(served, request(2, "echo", "still"));
  EXPECT_EQ(receive_replies(served, 1).front().result, "still");
}

TEST_F(ServerTest, two_hundred_clients_are_served_side_by_side) {
  start();
  std::vector<TestClient> clients;
  for (int i = 0; i < 200; ++i) clients.push_back(connect());
  for (int round = 0; round < 3; ++round) {
    for (std::size_t i = 0; i < clients.size(); ++i)
      send_all(clients[i], request(1, "echo", std::to_string(i)));
    for (std::size_t i = 0; i < clients.size(); ++i) {
      EXPECT_EQ(receive_replies(clients[i], 1).front().result, std::to_string(i));
    }
  }
  EXPECT_EQ(server_->connections(), 200U);
}

TEST_F(ServerTest, ids_of_connections_are_never_used_again) {
  start();
  ConnectionId last = 0;
  for (int i = 0; i < 5; ++i) {
    TestClient client = connect();
    send_all(client, request(1, "echo", ""));
    receive_replies(client, 1);
    EXPECT_GT(dispatcher_->last_from, last);
    last = dispatcher_->last_from;
    client.close();
    ASSERT_TRUE(pass_until([this] { return server_->connections() == 0; }));
    EXPECT_EQ(server_->output(last), nullptr);
    EXPECT_EQ(server_->unsent_bytes(last), 0U);
  }
}

TEST_F(ServerTest, the_largest_input_goes_when_all_buffers_are_too_large) {
  limits_.buffer_bytes_max = 2 * kMiB;
  start();
  TestClient small = connect();
  TestClient large = connect();
  TestClient other = connect();
  send_all(small, announced_request(200'000));
  for (int i = 0; i < 5; ++i) pass();
  string rest = announced_request(4 * kMiB);
  std::uint64_t most = 0;
  ASSERT_TRUE(pass_until([&] {
    most = std::max(most, server_->buffer_bytes());
    if (const auto sent = large.send_some(rest)) rest.erase(0, *sent);
    large.receive();
    return !large.received.empty();
  }));
  const Reply refusal = receive_replies(large, 1).front();
  EXPECT_EQ(refusal.id, "\x01");
  EXPECT_EQ(refusal.error.substr(0, 12), "overloaded: ");
  // A buffer doubles at most once beyond the limit.
  EXPECT_LE(most, 2 * limits_.buffer_bytes_max);
  EXPECT_EQ(server_->connections(), 3U) << "it still reads what the client has not stopped sending";
  send_all(large, rest);
  EXPECT_TRUE(ends(large));
  send_all(other, request(1, "echo", "hi"));
  EXPECT_EQ(receive_replies(other, 1).front().result, "hi");
  EXPECT_TRUE(small.receive());
}

TEST_F(ServerTest, the_largest_unread_output_goes_when_all_buffers_are_too_large) {
  limits_.buffer_bytes_max = 2 * kMiB;
  start();
  TestClient deaf = connect();
  TestClient other = connect();
  send_all(deaf, fill_request(1, 3 * kMiB));
  EXPECT_TRUE(pass_until([this] { return !dispatcher_->events.empty(); }));
  EXPECT_EQ(dispatcher_->events, (std::vector<string>{"closed"}));
  send_all(other, request(1, "echo", "hi"));
  EXPECT_EQ(receive_replies(other, 1).front().result, "hi");
}

TEST_F(ServerTest, clients_that_read_later_wait_before_all_buffers_are_too_large) {
  limits_.buffer_bytes_max = 4 * kMiB;
  start();
  std::vector<TestClient> clients;
  for (int i = 0; i < 16; ++i) clients.push_back(connect());
  // 100 replies of 16 KiB for each: without a bound that shrinks, all but a few were closed.
  for (auto& client : clients) {
    string requests;
    for (int id = 0; id < 100; ++id) requests += fill_request(id, std::uint64_t{16} << 10);
    send_all(client, requests);
  }
  for (int i = 0; i < 50; ++i) pass();
  EXPECT_EQ(server_->connections(), clients.size());
  EXPECT_LE(server_->buffer_bytes(), limits_.buffer_bytes_max);
  for (auto& client : clients) EXPECT_EQ(receive_replies(client, 100).size(), 100U);
}

TEST_F(ServerTest, random_bytes_end_only_the_connection_that_sent_them) {
  start();
  TestClient other = connect();
  std::mt19937 random(20240229);
  for (int i = 0; i < 300; ++i) {
    string noise(random() % 200 + 1, '\0');
    for (char& byte : noise) byte = static_cast<char>(random());
    if (i % 2 == 0) noise.insert(0, request(1, "echo", "x").substr(0, random() % 10));
    TestClient client = connect();
    client.send_some(noise);
    pass();
    client.finish_sending();
    EXPECT_TRUE(ends(client));
  }
  send_all(other, request(1, "echo", "hi"));
  EXPECT_EQ(receive_replies(other, 1).front().result, "hi");
}

TEST_F(ServerTest, closing_sends_what_is_unsent_and_tells_everyone_the_end) {
  start();
  TestClient reading = connect();
  TestClient idle = connect();
  send_all(reading, fill_request(1, 3 * kMiB));
  send_all(idle, request(1, "echo", ""));
  receive_replies(idle, 1);
  ASSERT_TRUE(pass_until([this] { return dispatcher_->frames.size() == 2; }));
  bool is_closed = false;
  server_->close([&is_closed] { is_closed = true; });
  EXPECT_EQ(receive_replies(reading, 1).front().result.size(), 3 * kMiB);
  EXPECT_TRUE(ends(reading));
  EXPECT_TRUE(ends(idle));
  EXPECT_TRUE(pass_until([&is_closed] { return is_closed; }));
  EXPECT_EQ(server_->connections(), 0U);
}

TEST_F(ServerTest, closing_does_not_wait_for_a_client_that_does_not_read) {
  start();
  TestClient deaf = connect();
  send_all(deaf, fill_request(1, 3 * kMiB));
  ASSERT_TRUE(pass_until([this] { return dispatcher_->frames.size() == 1; }));
  const std::uint64_t began_ms = clock_.uptime_ms();
  bool is_closed = false;
  server_->close([&is_closed] { is_closed = true; });
  EXPECT_TRUE(pass_until([&is_closed] { return is_closed; }));
  EXPECT_GE(clock_.uptime_ms(), began_ms + Connection::kFinishMs);
}

TEST_F(ServerTest, new_connections_are_not_accepted_after_stop_accepting) {
  start();
  TestClient before = connect();
  send_all(before, request(1, "echo", "a"));
  receive_replies(before, 1);
  server_->stop_accepting();
  pass();
  const OwnedFd late(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  path_.copy(address.sun_path, sizeof address.sun_path - 1);
  EXPECT_NE(::connect(late.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  send_all(before, request(2, "echo", "b"));
  EXPECT_EQ(receive_replies(before, 1).front().result, "b");
}

}  // namespace
}  // namespace pannier::daemon
