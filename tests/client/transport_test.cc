// What a connection does when the other side misbehaves, or goes away.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <chrono>
#include <fstream>
#include <future>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "pannier/client.h"
#include "tests/client/scripted_peer.h"

namespace pannier::test {
namespace {

using std::chrono::milliseconds;
using ::testing::HasSubstr;

const std::string kPong = pack("pong");
const std::string kNil = "\xc0";
/// [7]: what get answers for the value 7.
const std::string kSeven = "\x91\x07";

ClientOptions options_for(const ScriptedPeer& peer) {
  return {.path = peer.path(), .request_timeout = std::chrono::seconds(20), .pool_size = 1};
}

ClientOptions impatient(const ScriptedPeer& peer) {
  auto options = options_for(peer);
  options.request_timeout = milliseconds(100);
  return options;
}

void answer_one_and_close(PeerConnection& peer) {
  if (const auto request = peer.next_request()) peer.reply(*request, kPong);
}
void read_one_and_close(PeerConnection& peer) { peer.next_request(); }
void read_one_and_wait(PeerConnection& peer) {
  peer.next_request();
  peer.sees_end();
}
void serve_seven(PeerConnection& peer) { peer.reply_to_all(kSeven); }

/// What get answers, asked again where the machine takes longer than an impatient client waits.
std::optional<int> get_in_time(Client& client) {
  for (int tries = 0; tries < 50; ++tries) {
    try {
      return client.get<int>("lru", "k");
    } catch (const TimeoutError&) {
    }
  }
  throw std::runtime_error("never answered in time");
}

ScriptedPeer::Script send_once(std::string bytes) {
  return [bytes = std::move(bytes)](PeerConnection& peer) {
    peer.next_request();
    peer.send(bytes);
    peer.sees_end();
  };
}

/// The exception of type E that `act` throws.
template <class E, class Act>
E thrown_by(Act act) {
  try {
    act();
  } catch (const E& error) {
    return error;
  }
  throw std::logic_error("nothing was thrown");
}

TEST(Transport, missing_socket_is_an_error_that_names_the_path) {
  Client client({.path = "/nonexistent/pannier.sock"});
  const auto error = thrown_by<ConnectionError>([&] { client.ping(); });
  EXPECT_EQ(error.system_error(), ENOENT);
  EXPECT_EQ(error.code(), ErrorCode::kConnection);
  EXPECT_FALSE(error.may_have_run());
  EXPECT_THAT(error.what(), HasSubstr("/nonexistent/pannier.sock"));
}

TEST(Transport, path_that_no_socket_can_have_is_refused) {
  Client client({.path = "/" + std::string(108, 'p')});
  EXPECT_EQ(thrown_by<ConnectionError>([&] { client.ping(); }).system_error(), ENAMETOOLONG);
}

TEST(Transport, stale_socket_file_refuses) {
  std::string path;
  const TemporaryDirectory directory;
  {
    ScriptedPeer peer({});
    path = directory.path() + "/stale";
    std::filesystem::rename(peer.path(), path);
  }
  Client client({.path = path});
  EXPECT_EQ(thrown_by<ConnectionError>([&] { client.ping(); }).system_error(), ECONNREFUSED);
}

TEST(Transport, reply_that_arrives_byte_by_byte_is_read) {
  ScriptedPeer peer({[](PeerConnection& connection) {
    const auto request = connection.next_request();
    for (const char byte : reply_bytes(request->id, pack(std::string(300, 'v')))) {
      connection.send({&byte, 1});
      std::this_thread::sleep_for(std::chrono::microseconds(50));
    }
    connection.sees_end();
  }});
  Client client(options_for(peer));
  EXPECT_EQ(unpack<std::string>(client.call("m", "\x90")), std::string(300, 'v'));
}

TEST(Transport, reply_to_another_msgid_is_a_protocol_error) {
  ScriptedPeer peer({send_once(reply_bytes("\xcd\xff\xff", kPong)), serve_seven});
  Client client(options_for(peer));
  EXPECT_THROW(client.ping(), ProtocolError);
  EXPECT_EQ(client.get<int>("lru", "k"), 7);
}

TEST(Transport, negative_msgid_in_a_reply_is_a_protocol_error) {
  ScriptedPeer peer({send_once(reply_bytes("\xff", kPong))});
  Client client(options_for(peer));
  EXPECT_THROW(client.ping(), ProtocolError);
}

TEST(Transport, bytes_that_are_no_message_are_a_protocol_error) {
  for (const std::string bytes :
       {"HTTP/1.1 400 Bad Request\r\n\r\n", "\xc1", "\x91\x01", "\x94\x05\x01\xc0\xc0"}) {
    ScriptedPeer peer({send_once(bytes), serve_seven});
    Client client(options_for(peer));
    EXPECT_THROW(client.put("lru", "k", 1), ProtocolError);
    EXPECT_EQ(client.get<int>("lru", "k"), 7) << "the broken connection was used again";
  }
}

TEST(Transport, result_of_another_kind_is_a_protocol_error) {
  const auto script = [](PeerConnection& connection) { connection.reply_to_all(pack("text")); };
  ScriptedPeer peer({script, script});
  Client client(options_for(peer));
  EXPECT_THROW(client.get<int>("lru", "k"), ProtocolError);
  EXPECT_THROW(client.erase("lru", "k"), ProtocolError);
  EXPECT_THROW(client.increment("lru", "k"), ProtocolError);
  EXPECT_THROW(client.info(), ProtocolError);
  EXPECT_THROW(client.keys("lru"), ProtocolError);
  EXPECT_THROW(client.lease<int>("lru", "k"), ProtocolError);
  EXPECT_THROW(client.put_many("lru", std::vector<std::pair<std::string, int>>{{"k", 1}}), ProtocolError);
}

TEST(Transport, request_from_the_daemon_is_a_protocol_error) {
  ScriptedPeer peer({send_once(std::string("\x94\x00\x01\xa1m\x90", 6))});
  Client client(options_for(peer));
  EXPECT_THROW(client.ping(), ProtocolError);
}

TEST(Transport, notification_that_was_not_asked_for_is_ignored) {
  ScriptedPeer peer({[](PeerConnection& connection) {
    connection.send("\x93\x02\xa1n\x90");
    connection.reply_to_all(kSeven);
  }});
  Client client(options_for(peer));
  EXPECT_EQ(client.get<int>("lru", "k"), 7);
}

TEST(Transport, reply_over_the_limit_is_a_protocol_error) {
  ScriptedPeer peer(
      {[](PeerConnection& connection) { connection.reply_to_all(pack(std::string(2000, 'v'))); }});
  auto options = options_for(peer);
  options.reply_bytes_max = 1000;
  Client client(options);
  EXPECT_THROW(client.call("m", "\x90"), ProtocolError);
}

TEST(Transport, unanswered_request_times_out_and_its_connection_is_not_used_again) {
  std::vector<ScriptedPeer::Script> scripts(100, serve_seven);
  scripts.front() = read_one_and_wait;
  ScriptedPeer peer(scripts);
  Client client(impatient(peer));
  const auto start = std::chrono::steady_clock::now();
  const auto error = thrown_by<TimeoutError>([&] { client.put("lru", "k", 1); });
  EXPECT_GE(std::chrono::steady_clock::now() - start, milliseconds(100));
  EXPECT_TRUE(error.may_have_run());
  peer.wait_until_done(0);
  EXPECT_EQ(get_in_time(client), 7);
}

TEST(Transport, timed_out_request_is_not_repeated) {
  ScriptedPeer peer({read_one_and_wait, serve_seven});
  Client client(impatient(peer));
  EXPECT_THROW(client.get<int>("lru", "k"), TimeoutError);
  peer.wait_until_done(0);
  EXPECT_EQ(peer.accepted(), 1u);
}

TEST(Transport, reply_that_stops_in_the_middle_times_out) {
  ScriptedPeer peer({[](PeerConnection& connection) {
    const auto request = connection.next_request();
    connection.send(reply_bytes(request->id, kSeven).substr(0, 4));
    connection.sees_end();
  }});
  Client client(impatient(peer));
  EXPECT_THROW(client.get<int>("lru", "k"), TimeoutError);
}

TEST(Transport, repeatable_request_is_repeated_when_the_daemon_closes_without_a_reply) {
  ScriptedPeer peer({read_one_and_close, serve_seven});
  Client client(options_for(peer));
  EXPECT_EQ(client.get<int>("lru", "k"), 7);
  EXPECT_EQ(peer.accepted(), 2u);
}

TEST(Transport, repeatable_request_is_repeated_when_the_daemon_closes_within_a_reply) {
  ScriptedPeer peer({[](PeerConnection& connection) {
                       const auto request = connection.next_request();
                       connection.send(reply_bytes(request->id, kSeven).substr(0, 4));
                     },
                     serve_seven});
  Client client(options_for(peer));
  EXPECT_EQ(client.get<int>("lru", "k"), 7);
}

TEST(Transport, repeatable_request_is_repeated_once_only) {
  ScriptedPeer peer({read_one_and_close, read_one_and_close, serve_seven});
  Client client(options_for(peer));
  EXPECT_THROW(client.get<int>("lru", "k"), ConnectionError);
  EXPECT_EQ(peer.accepted(), 2u);
}

TEST(Transport, write_is_not_repeated_once_it_was_sent) {
  ScriptedPeer peer({read_one_and_close, serve_seven});
  Client client(options_for(peer));
  const auto error = thrown_by<ConnectionError>([&] { client.put("lru", "k", 1); });
  EXPECT_TRUE(error.may_have_run());
  EXPECT_EQ(peer.accepted(), 1u);
}

TEST(Transport, any_request_goes_over_a_new_connection_if_the_kept_one_is_closed) {
  ScriptedPeer peer(
      {answer_one_and_close, [](PeerConnection& connection) { connection.reply_to_all("\x05"); }});
  Client client(options_for(peer));
  client.ping();
  peer.wait_until_done(0);
  EXPECT_EQ(client.put("lru", "k", 1), 5u);
}

TEST(Transport, pipeline_goes_over_a_new_connection_if_the_kept_one_is_closed) {
  ScriptedPeer peer({answer_one_and_close, serve_seven});
  Client client(options_for(peer));
  client.ping();
  peer.wait_until_done(0);
  auto pipeline = client.pipeline();
  EXPECT_EQ(pipeline.get("lru", "k").run().at(0).value<int>(), 7);
}

TEST(Transport, connection_with_bytes_that_nobody_asked_for_is_not_used_again) {
  ScriptedPeer peer({[](PeerConnection& connection) {
                       const auto request = connection.next_request();
                       connection.send(reply_bytes(request->id, kPong) + "\x94");
                       connection.sees_end();
                     },
                     serve_seven});
  Client client(options_for(peer));
  client.ping();
  peer.wait_until_done(0);
  EXPECT_EQ(client.get<int>("lru", "k"), 7);
}

TEST(Transport, error_about_a_message_that_could_not_be_read_belongs_to_the_request) {
  ScriptedPeer peer({send_once(error_bytes(kNil, "too_large: the frame has 9 bytes")), serve_seven});
  Client client(options_for(peer));
  const auto error = thrown_by<ServerError>([&] { client.put("lru", "k", 1); });
  EXPECT_EQ(error.code(), ErrorCode::kTooLarge);
  EXPECT_STREQ(error.what(), "too_large: the frame has 9 bytes");
  EXPECT_EQ(client.get<int>("lru", "k"), 7);
}

TEST(Transport, refusal_of_a_request_that_is_still_being_sent_is_read) {
  ScriptedPeer peer(
      {[](PeerConnection& connection) { connection.send(error_bytes(kNil, "too_large: over the limit")); }});
  Client client(options_for(peer));
  const auto error =
      thrown_by<ServerError>([&] { client.put("lru", "k", std::string(std::size_t{8} << 20, 'v')); });
  EXPECT_EQ(error.code(), ErrorCode::kTooLarge);
}

TEST(Transport, no_request_goes_behind_an_error_that_may_end_the_connection) {
  bool was_ended = false;
  {
    ScriptedPeer peer({[&](PeerConnection& connection) {
                         const auto request = connection.next_request();
                         connection.reply_error(*request, "too_large: a message of 70000000 bytes");
                         was_ended = connection.sees_end();
                       },
                       [](PeerConnection& connection) { connection.reply_to_all("\x01"); }});
    Client client(options_for(peer));
    EXPECT_EQ(thrown_by<ServerError>([&] { client.put("lru", "k", 1); }).code(), ErrorCode::kTooLarge);
    EXPECT_TRUE(client.put("lru", "k", 2));
    peer.wait_until_done(0);
  }
  EXPECT_TRUE(was_ended);
}

TEST(Transport, error_with_an_unknown_code_is_other) {
  ScriptedPeer peer({[](PeerConnection& connection) {
    while (const auto request = connection.next_request())
      connection.reply_error(*request, "brand_new: text");
  }});
  Client client(options_for(peer));
  EXPECT_EQ(thrown_by<ServerError>([&] { client.ping(); }).code(), ErrorCode::kOther);
}

TEST(Transport, pipeline_reads_while_it_writes) {
  constexpr int kRequests = 200;
  const std::string large = pack(std::string(std::size_t{64} << 10, 'v'));
  // Neither side's unread bytes fit what the sockets hold: this ends only if the client reads in between.
  ScriptedPeer peer({[&](PeerConnection& connection) { connection.reply_to_all("\x91" + large); }});
  Client client(options_for(peer));
  auto pipeline = client.pipeline();
  for (int i = 0; i < kRequests; ++i) pipeline.put_raw("lru", "k", large);
  const auto replies = pipeline.run();
  ASSERT_EQ(replies.size(), std::size_t{kRequests});
  for (const auto& reply : replies) EXPECT_EQ(reply.result().size(), large.size() + 1);
}

TEST(Transport, pipeline_keeps_the_replies_that_came_before_the_end) {
  ScriptedPeer peer({[](PeerConnection& connection) {
    const auto first = connection.next_request();
    connection.next_request();
    connection.reply(*first, kSeven);
  }});
  Client client(options_for(peer));
  auto pipeline = client.pipeline();
  const auto replies = pipeline.get("lru", "a").get("lru", "b").run();
  EXPECT_EQ(replies.at(0).value<int>(), 7);
  EXPECT_FALSE(replies.at(1).ok());
  EXPECT_TRUE(thrown_by<ConnectionError>([&] { replies.at(1).check(); }).may_have_run());
  EXPECT_EQ(pipeline.size(), 0u);
}

TEST(Transport, pipeline_takes_replies_in_any_order) {
  ScriptedPeer peer({[](PeerConnection& connection) {
    const auto first = connection.next_request();
    const auto second = connection.next_request();
    connection.reply(*second, "\x91\x02");
    connection.reply(*first, "\x91\x01");
    connection.sees_end();
  }});
  Client client(options_for(peer));
  auto pipeline = client.pipeline();
  const auto replies = pipeline.get("lru", "a").get("lru", "b").run();
  EXPECT_EQ(replies.at(0).value<int>(), 1);
  EXPECT_EQ(replies.at(1).value<int>(), 2);
}

TEST(Transport, pipeline_of_nothing_answers_nothing) {
  ScriptedPeer peer({serve_seven});
  Client client(options_for(peer));
  EXPECT_TRUE(client.pipeline().run().empty());
}

TEST(Transport, pipeline_that_cannot_connect_stays_as_it_is) {
  Client client({.path = "/nonexistent/pannier.sock"});
  auto pipeline = client.pipeline();
  pipeline.get("lru", "k");
  EXPECT_THROW(pipeline.run(), ConnectionError);
  EXPECT_EQ(pipeline.size(), 1u);
}

TEST(Transport, requests_share_no_more_connections_than_the_pool_has) {
  constexpr std::size_t kPoolSize = 2;
  ScriptedPeer peer(std::vector<ScriptedPeer::Script>(8, serve_seven));
  auto options = options_for(peer);
  options.pool_size = kPoolSize;
  options.shared_reads = SharedReads::kNever;  // which takes one more
  {
    Client client(options);
    std::vector<std::thread> threads;
    for (int i = 0; i < 8; ++i) {
      threads.emplace_back([&] {
        for (int n = 0; n < 50; ++n) EXPECT_EQ(client.get<int>("lru", "k"), 7);
      });
    }
    for (auto& thread : threads) thread.join();
  }
  EXPECT_LE(peer.accepted(), kPoolSize);
}

TEST(Transport, waiting_for_a_connection_counts_as_waiting_for_the_answer) {
  std::promise<void> is_over;
  ScriptedPeer peer({[&](PeerConnection& connection) {
    const auto request = connection.next_request();
    is_over.get_future().wait();
    connection.reply(*request, kSeven);
    connection.sees_end();
  }});
  auto options = options_for(peer);
  options.slow_request_timeout = milliseconds(200);
  Client client(options);
  std::thread other([&] { EXPECT_EQ(client.get<int>("lru", "k"), 7); });
  while (peer.accepted() == 0) std::this_thread::yield();
  EXPECT_FALSE(thrown_by<TimeoutError>([&] { client.sync(); }).may_have_run());
  is_over.set_value();
  other.join();
}

TEST(Transport, lease_does_not_take_a_place_in_the_pool) {
  ScriptedPeer peer({[](PeerConnection& connection) { connection.reply_to_all("\x11"); }, serve_seven});
  Client client(options_for(peer));
  const auto found = client.lease<int>("lru", "k");
  ASSERT_TRUE(found.lease);
  EXPECT_EQ(found.lease->token(), 17u);
  EXPECT_EQ(client.get<int>("lru", "k"), 7);
}

TEST(Transport, lease_of_a_closed_connection_is_over) {
  ScriptedPeer peer(
      {[](PeerConnection& connection) { connection.reply(*connection.next_request(), "\x11"); }});
  Client client(options_for(peer));
  auto found = client.lease<int>("lru", "k");
  ASSERT_TRUE(found.lease);
  peer.wait_until_done(0);
  EXPECT_THROW(found.lease->put(1), ConnectionError);
  EXPECT_THROW(found.lease->put(1), InvalidArgument);
}

TEST(Transport, raw_value_that_is_not_one_object_is_never_sent) {
  ScriptedPeer peer({});
  Client client(options_for(peer));
  for (const std::string bytes : {"", "\x01\x02", "\x92\x01", "\xc1", "\xa5shor"}) {
    EXPECT_THROW(client.put_raw("lru", "k", bytes), InvalidArgument);
    EXPECT_THROW(client.put_raw("lru", "k", bytes, {.ttl = milliseconds(5)}), InvalidArgument);
    EXPECT_THROW(client.put_many_raw("lru", {{"k", bytes}}), InvalidArgument);
    EXPECT_THROW(client.pipeline().put_raw("lru", "k", bytes), InvalidArgument);
    EXPECT_THROW(client.call("ping", bytes), InvalidArgument);
  }
}

}  // namespace
}  // namespace pannier::test
