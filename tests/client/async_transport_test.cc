// What an AsyncClient does when the other side misbehaves, is slow, or goes away.
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "pannier/async.h"
#include "tests/client/scripted_peer.h"
#include "tests/client/uv_test_loop.h"

namespace pannier::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// [7]: what get answers for the value 7.
const std::string kSeven = "\x91\x07";

void serve_seven(PeerConnection& peer) { peer.reply_to_all(kSeven); }
void read_one_and_close(PeerConnection& peer) { peer.next_request(); }

ScriptedPeer::Script send_once(std::string bytes) {
  return [bytes = std::move(bytes)](PeerConnection& peer) {
    peer.next_request();
    peer.send(bytes);
    peer.sees_end();
  };
}

/// A peer, a loop and a client of that peer.
class Scene {
 public:
  explicit Scene(std::vector<ScriptedPeer::Script> scripts, milliseconds timeout = seconds(20))
      : peer_(std::move(scripts)), client_(std::in_place, loop_.get(), options(timeout)) {}
  ~Scene() { client_.reset(); }

  AsyncClient& operator*() { return *client_; }
  AsyncClient* operator->() { return &*client_; }
  ScriptedPeer& peer() { return peer_; }
  UvTestLoop& loop() { return loop_; }

  template <class T>
  Outcome<T> wait(Call<T> call) {
    std::optional<Outcome<T>> outcome;
    std::move(call).then([&](Outcome<T> came) { outcome.emplace(std::move(came)); });
    EXPECT_TRUE(loop_.run_until([&] { return outcome.has_value(); }));
    return *std::move(outcome);
  }
  Outcome<std::optional<int>> get() { return wait(client_->get<int>("lru", "k")); }
  auto put() { return wait(client_->put("lru", "k", 1)); }

 private:
  AsyncOptions options(milliseconds timeout) const {
    return {.path = peer_.path(), .connect_timeout = timeout, .request_timeout = timeout};
  }

  ScriptedPeer peer_;
  UvTestLoop loop_;
  std::optional<AsyncClient> client_;
};

TEST(AsyncTransport, replies_are_matched_by_msgid_in_any_order) {
  Scene scene({[](PeerConnection& peer) {
    const auto first = peer.next_request();
    const auto second = peer.next_request();
    peer.reply(*second, "\x91\x02");
    peer.reply(*first, "\x91\x01");
    peer.sees_end();
  }});
  std::vector<int> got;
  for (int i = 0; i < 2; ++i) {
    scene->get<int>("lru", "k").then([&](const auto& found) { got.push_back(*found.value()); });
  }
  scene.loop().run();
  EXPECT_EQ(got, (std::vector{2, 1}));
}

TEST(AsyncTransport, reply_that_arrives_byte_by_byte_is_read) {
  Scene scene({[](PeerConnection& peer) {
    const auto request = peer.next_request();
    for (const char byte : reply_bytes(request->id, pack(std::string(300, 'v')))) {
      peer.send({&byte, 1});
      std::this_thread::sleep_for(std::chrono::microseconds(50));
    }
    peer.sees_end();
  }});
  EXPECT_EQ(unpack<std::string>(scene.wait(scene->call("m", "\x90")).value()), std::string(300, 'v'));
}

TEST(AsyncTransport, missing_socket_is_an_error_that_names_the_path) {
  UvTestLoop loop;
  AsyncClient client(loop.get(), {.path = "/nonexistent/pannier.sock"});
  std::optional<Outcome<std::optional<Version>>> outcome;
  client.put("lru", "k", 1).then([&](auto came) { outcome.emplace(std::move(came)); });
  loop.run();
  const auto error = error_of<ConnectionError>(*outcome);
  EXPECT_EQ(error.system_error(), ENOENT);
  EXPECT_FALSE(error.may_have_run());
  EXPECT_NE(std::string(error.what()).find("/nonexistent/pannier.sock"), std::string::npos);
}

TEST(AsyncTransport, late_reply_of_a_timed_out_request_is_ignored_and_the_connection_goes_on) {
  Scene scene({[](PeerConnection& peer) {
                const auto late = peer.next_request();
                auto next = peer.next_request();
                peer.reply(*late, "\x91\x01");
                for (; next; next = peer.next_request()) peer.reply(*next, kSeven);
              }},
              milliseconds(100));
  EXPECT_TRUE(error_of<TimeoutError>(scene.get()).may_have_run());
  auto found = scene.get();
  // Again where the machine takes longer than the client waits.
  for (int tries = 0; tries < 50 && !found.ok(); ++tries) found = scene.get();
  EXPECT_EQ(found.value(), 7);
  EXPECT_EQ(scene.peer().accepted(), 1u);
}

TEST(AsyncTransport, repeatable_request_is_repeated_once_when_the_connection_ends) {
  Scene scene({read_one_and_close, serve_seven});
  EXPECT_EQ(scene.get().value(), 7);
  Scene unlucky({read_one_and_close, read_one_and_close, serve_seven});
  EXPECT_TRUE(error_of<ConnectionError>(unlucky.get()).may_have_run());
  EXPECT_EQ(unlucky.get().value(), 7);
}

TEST(AsyncTransport, write_is_not_repeated_once_it_was_sent) {
  Scene scene({read_one_and_close, serve_seven});
  EXPECT_TRUE(error_of<ConnectionError>(scene.put()).may_have_run());
  EXPECT_EQ(scene.peer().accepted(), 1u);
}

TEST(AsyncTransport, what_is_no_message_ends_the_connection) {
  for (const std::string& bytes :
       {std::string("HTTP/1.1 400 Bad Request\r\n\r\n"), std::string("\x94\x05\x01\xc0\xc0"),
        reply_bytes("\xcd\xff\xff", kSeven), reply_bytes("\xff", kSeven)}) {
    Scene scene({send_once(bytes), serve_seven});
    EXPECT_EQ(error_of<Error>(scene.put()).code(), ErrorCode::kProtocol);
    EXPECT_EQ(scene.get().value(), 7);
  }
}

TEST(AsyncTransport, refusal_of_a_message_that_could_not_be_read_concerns_all_in_flight) {
  Scene scene({send_once(error_bytes("\xc0", "too_large: over the limit")), serve_seven});
  std::vector<ErrorCode> codes;
  for (int i = 0; i < 2; ++i) {
    scene->put("lru", "k", 1).then([&](const auto& came) { codes.push_back(error_of<Error>(came).code()); });
  }
  scene.loop().run();
  EXPECT_EQ(codes, std::vector(2, ErrorCode::kTooLarge));
  EXPECT_EQ(scene.get().value(), 7);
}

TEST(AsyncTransport, refusal_of_a_request_that_is_still_being_sent_is_read) {
  Scene scene({[](PeerConnection& peer) { peer.send(error_bytes("\xc0", "too_large: over the limit")); }});
  const auto outcome = scene.wait(scene->put("lru", "k", std::string(std::size_t{8} << 20, 'v')));
  EXPECT_EQ(error_of<Error>(outcome).code(), ErrorCode::kTooLarge);
}

TEST(AsyncTransport, reply_that_came_before_a_sudden_end_is_read_whole) {
  const std::string large = pack(std::string(150'000, 'v'));
  // The peer closes with bytes unread, which the kernel tells as an error of the connection.
  Scene scene({[&](PeerConnection& peer) { peer.reply(*peer.next_request(), "\x91" + large); }});
  std::optional<Outcome<std::optional<std::string>>> found;
  scene->get_raw("lru", "k").then([&](auto came) { found.emplace(std::move(came)); });
  const auto put = scene.wait(scene->put("lru", "k", std::string(std::size_t{8} << 20, 'v')));
  EXPECT_EQ(found->value(), large);
  EXPECT_TRUE(error_of<ConnectionError>(put).may_have_run());
}

TEST(AsyncTransport, peer_that_reads_nothing_blocks_no_loop) {
  std::atomic<bool> is_over = false;
  bool is_answered = false;
  Scene scene({[&](PeerConnection&) {
    while (!is_over) std::this_thread::sleep_for(milliseconds(1));
  }});
  {
    const UvTicks ticks(scene.loop());
    scene->put("lru", "k", std::string(std::size_t{8} << 20, 'v')).then([&](const auto&) {
      is_answered = true;
    });
    EXPECT_TRUE(scene.loop().run_until([&] { return ticks.count() > 10 || is_answered; }));
    EXPECT_FALSE(is_answered);
  }
  is_over = true;
}

TEST(AsyncTransport, daemon_with_too_many_waiting_is_tried_until_the_time_to_connect_is_over) {
  const TemporaryDirectory directory;
  sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = {}};
  (directory.path() + "/s").copy(address.sun_path, sizeof(address.sun_path) - 1);
  const int listener = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  ASSERT_EQ(::bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  ASSERT_EQ(::listen(listener, 0), 0);
  std::vector<int> waiting;
  do {
    waiting.push_back(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  } while (::connect(waiting.back(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0);

  UvTestLoop loop;
  AsyncClient client(loop.get(), {.path = address.sun_path, .connect_timeout = seconds(1)});
  std::optional<Outcome<bool>> outcome;
  client.touch("lru", "k").then([&](auto came) { outcome.emplace(std::move(came)); });
  const UvTicks ticks(loop);
  loop.run_until([&] { return outcome.has_value(); });
  EXPECT_FALSE(error_of<TimeoutError>(*outcome).may_have_run());
  EXPECT_GT(ticks.count(), 10);
  for (const int fd : waiting) ::close(fd);
  ::close(listener);
}

}  // namespace
}  // namespace pannier::test
