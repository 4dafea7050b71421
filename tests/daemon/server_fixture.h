// A real server on a real socket, driven pass by pass, with clients in the same thread, and a small
// dispatcher instead of the service: it answers `echo` with its parameters, `fill` with a string of so many
// bytes, `later` when the test says so, and closes on anything that is no message.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/clock.h"
#include "daemon/config.h"
#include "daemon/dispatcher.h"
#include "daemon/log.h"
#include "daemon/owned_fd.h"
#include "daemon/server.h"
#include "daemon/socket_file.h"
#include "daemon/uv_loop.h"
#include "daemon/uv_pass.h"
#include "protocol/message.h"
#include "tests/storage/temp_dir.h"

namespace pannier::daemon {

inline constexpr std::size_t kMiB = std::size_t{1} << 20;

/// Whole messages for tests.
std::string request(std::uint64_t id, std::string_view method, std::string_view string_parameter);
/// Of a request of `fill`.
std::string fill_request(std::uint64_t id, std::uint64_t bytes);

class EchoDispatcher final : public Dispatcher {
 public:
  explicit EchoDispatcher(Outbox& outbox) : outbox_(outbox) {}

  bool dispatch(ConnectionId from, protocol::Bytes frame, storage::TimeMs now) override;
  TakenFrames dispatch_hot(ConnectionId, protocol::Bytes, std::uint32_t, std::string&,
                           storage::TimeMs) override {
    return {};
  }
  std::unique_ptr<storage::Draft> draft(ConnectionId, protocol::Bytes, storage::DraftOwner&,
                                        storage::TimeMs) override {
    return nullptr;
  }
  bool dispatch_draft(ConnectionId, protocol::Bytes, storage::Draft&, std::string&,
                      storage::TimeMs) override {
    return false;
  }
  void refuse(ConnectionId from, protocol::Bytes start, const protocol::Error& error) override;
  void arriving(ConnectionId from, protocol::Bytes start) override;
  void ended(ConnectionId from, storage::TimeMs now) override;
  std::uint64_t waiting(ConnectionId from) const override;
  bool is_congested(ConnectionId) const override { return is_congested_; }
  void drained(ConnectionId from, storage::TimeMs now) override;
  void closed(ConnectionId from, storage::TimeMs now) override;

  void congest(bool is_congested) { is_congested_ = is_congested; }
  /// Answers all that wait.
  void answer_later();

  std::vector<std::string> frames;
  std::vector<std::string> events;  ///< "refused too_large", "ended", "drained", "closed"
  ConnectionId last_from = 0;
  std::size_t arriving_bytes = 0;  ///< as last told
  std::string arriving_start;      ///< the first bytes of what was told last
  std::size_t arriving_tellings = 0;

 private:
  struct Waiting {
    ConnectionId from;
    protocol::MessageId id;
  };
  bool handle(ConnectionId from, const protocol::Request& request);

  Outbox& outbox_;
  bool is_congested_ = false;
  std::vector<Waiting> waiting_;
};

/// The other end of a connection; never blocks.
class TestClient {
 public:
  explicit TestClient(const std::string& path);

  /// How many bytes the kernel took, at least 1 unless it has no room; nothing if the connection is gone.
  std::optional<std::size_t> send_some(std::string_view bytes);
  /// Reads what is there. False once the end was read.
  bool receive();
  void finish_sending();
  void close() { fd_ = OwnedFd(); }

  std::string received;
  bool has_ended = false;

 private:
  OwnedFd fd_;
};

/// A response taken apart: `error` and `result` as text, where they are.
struct Reply {
  std::string id;
  std::string error;
  std::string result;
};
/// All whole responses in `bytes`, in order.
std::vector<Reply> replies_in(std::string_view bytes);

class ServerTest : public ::testing::Test {
 protected:
  ServerTest();

  /// Must be called first, after limits_ was set.
  void start();
  TestClient connect();
  /// One pass of the loop, without sleeping.
  void pass();
  /// Passes, and reads of the client, until `is_true` or a great many passes later. False then.
  bool pass_until(const std::function<bool()>& is_true);
  void send_all(TestClient& client, std::string_view bytes);
  std::vector<Reply> receive_replies(TestClient& client, std::size_t count);
  bool ends(TestClient& client);

  ClientLimits limits_;
  test::TempDir directory_;
  std::string path_;
  UvLoop loop_;
  Clock clock_;
  Log log_;
  UvIdle awake_;
  std::unique_ptr<SocketFile> socket_file_;
  std::unique_ptr<Server> server_;
  std::unique_ptr<EchoDispatcher> dispatcher_;
};

}  // namespace pannier::daemon
