#include "tests/daemon/server_fixture.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <utility>
#include <variant>

#include "protocol/cursor.h"
#include "protocol/scanner.h"
#include "protocol/writer.h"

namespace pannier::daemon {
namespace {

using protocol::Bytes;
using protocol::Writer;

// Under sanitizers on a busy machine.
constexpr std::chrono::seconds kPatience(60);

std::string text_in(Bytes object) {
  protocol::Cursor cursor(object);
  if (const auto string = cursor.read_string()) return std::string(*string);
  return std::string(object);
}

}  // namespace

std::string request(std::uint64_t id, std::string_view method, std::string_view string_parameter) {
  std::string bytes;
  Writer writer(bytes);
  writer.request_start(id, method);
  writer.array(1);
  writer.string(string_parameter);
  return bytes;
}

std::string fill_request(std::uint64_t id, std::uint64_t bytes_wanted) {
  return request(id, "fill", std::to_string(bytes_wanted));
}

// -- EchoDispatcher

bool EchoDispatcher::dispatch(ConnectionId from, Bytes frame, storage::TimeMs) {
  frames.emplace_back(frame);
  last_from = from;
  const protocol::Message message = protocol::read_message(frame);
  if (const auto* asked = std::get_if<protocol::Request>(&message)) return handle(from, *asked);
  Writer(*outbox_.output(from)).response_error({}, {protocol::ErrorCode::kBadRequest, "no request"});
  return false;
}

bool EchoDispatcher::handle(ConnectionId from, const protocol::Request& asked) {
  Writer writer(*outbox_.output(from));
  protocol::Cursor params(asked.params);
  params.read_array();
  if (asked.method == "later") {
    waiting_.push_back({from, asked.id});
  } else if (asked.method == "fill") {
    writer.response_start(asked.id);
    writer.string(std::string(std::stoull(std::string(params.read_string().value_or(""))), 'f'));
  } else {
    writer.response_start(asked.id);
    writer.raw(params.rest());
  }
  return true;
}

void EchoDispatcher::answer_later() {
  for (const Waiting& waiting : std::exchange(waiting_, {})) {
    std::string* const output = outbox_.output(waiting.from);
    if (output == nullptr) continue;
    Writer writer(*output);
    writer.response_start(waiting.id);
    writer.string("now");
  }
}

void EchoDispatcher::refuse(ConnectionId from, Bytes start, const protocol::Error& error) {
  events.push_back("refused " + std::string(protocol::code_name(error.code)));
  Writer(*outbox_.output(from)).response_error(protocol::id_of_refused(start), error);
}

void EchoDispatcher::arriving(ConnectionId, Bytes start) {
  arriving_bytes = start.size();
  arriving_start = start.substr(0, 16);
  ++arriving_tellings;
}

void EchoDispatcher::ended(ConnectionId, storage::TimeMs) { events.push_back("ended"); }

std::uint64_t EchoDispatcher::waiting(ConnectionId from) const {
  return static_cast<std::uint64_t>(std::count_if(waiting_.begin(), waiting_.end(),
                                                  [from](const Waiting& one) { return one.from == from; }));
}

void EchoDispatcher::drained(ConnectionId, storage::TimeMs) { events.push_back("drained"); }

void EchoDispatcher::closed(ConnectionId from, storage::TimeMs) {
  EXPECT_EQ(outbox_.output(from), nullptr) << "nothing can be sent after closed()";
  events.push_back("closed");
}

// -- TestClient

TestClient::TestClient(const std::string& path)
    : fd_(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) {
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  EXPECT_EQ(::connect(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0)
      << strerror(errno);
}

std::optional<std::size_t> TestClient::send_some(std::string_view bytes) {
  const ssize_t sent = send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
  if (sent >= 0) return static_cast<std::size_t>(sent);
  if (errno == EAGAIN) return 0;
  return std::nullopt;
}

bool TestClient::receive() {
  std::array<char, 65536> buffer;
  while (!has_ended) {
    const ssize_t size = recv(fd_.get(), buffer.data(), buffer.size(), 0);
    if (size > 0) {
      received.append(buffer.data(), static_cast<std::size_t>(size));
    } else if (size < 0 && errno == EAGAIN) {
      return true;
    } else {
      has_ended = true;
    }
  }
  return false;
}

void TestClient::finish_sending() { ::shutdown(fd_.get(), SHUT_WR); }

std::vector<Reply> replies_in(std::string_view bytes) {
  std::vector<Reply> replies;
  while (true) {
    protocol::FrameScanner scanner({.frame_bytes_max = std::size_t{1} << 30, .depth_max = 128});
    const auto outcome = scanner.scan(bytes);
    const auto* const end = std::get_if<protocol::FrameEnd>(&outcome);
    if (end == nullptr) return replies;
    const auto message = protocol::read_message(bytes.substr(0, end->size), protocol::Sender::kServer);
    const auto& response = std::get<protocol::Response>(message);
    replies.push_back(
        {std::string(response.id.encoded()), text_in(response.error), text_in(response.result)});
    bytes.remove_prefix(end->size);
  }
}

// -- ServerTest

ServerTest::ServerTest()
    : path_(directory_.file("s")),
      clock_(loop_, system_wall_time()),
      log_(LogLevel::kError),
      awake_(loop_, [] {}) {
  std::signal(SIGPIPE, SIG_IGN);
  awake_.start();
}

void ServerTest::start() {
  auto taken = SocketFile::take(path_, 0600, "");
  ASSERT_TRUE(std::holds_alternative<SocketFile>(taken)) << std::get<SocketFault>(taken).text;
  socket_file_ = std::make_unique<SocketFile>(std::get<SocketFile>(std::move(taken)));
  server_ = std::make_unique<Server>(loop_, clock_, log_, limits_, 0);
  dispatcher_ = std::make_unique<EchoDispatcher>(*server_);
  server_->listen(socket_file_->release_socket(), *dispatcher_);
}

TestClient ServerTest::connect() { return TestClient(path_); }

void ServerTest::pass() { loop_.run_once(); }

bool ServerTest::pass_until(const std::function<bool()>& is_true) {
  const auto end = std::chrono::steady_clock::now() + kPatience;
  while (!is_true()) {
    if (std::chrono::steady_clock::now() > end) return false;
    pass();
  }
  return true;
}

void ServerTest::send_all(TestClient& client, std::string_view bytes) {
  const bool is_sent = pass_until([&] {
    const auto sent = client.send_some(bytes);
    if (sent) bytes.remove_prefix(*sent);
    return !sent || bytes.empty();
  });
  EXPECT_TRUE(is_sent && bytes.empty()) << bytes.size() << " bytes are left";
}

std::vector<Reply> ServerTest::receive_replies(TestClient& client, std::size_t count) {
  std::vector<Reply> replies;
  pass_until([&] {
    client.receive();
    replies = replies_in(client.received);
    return replies.size() >= count || client.has_ended;
  });
  EXPECT_EQ(replies.size(), count);
  replies.resize(count);
  client.received.clear();
  return replies;
}

bool ServerTest::ends(TestClient& client) {
  return pass_until([&client] { return !client.receive(); });
}

}  // namespace pannier::daemon
