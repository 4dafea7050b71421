// Wires: a load gets the same answers over each of them.
#include "client/load/wire.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "client/load/generator.h"
#include "client/load/rpc_dialect.h"
#include "pannier/client.h"
#include "tests/bench/ring_wire.h"
#include "tests/client/daemon_process.h"
#include "tests/client/temporary_directory.h"

namespace pannier::load {
namespace {

struct NamedWire {
  std::string name;
  MakeWire make;
};

/// Those over io_uring where the kernel has it.
std::vector<NamedWire> wires() {
  std::vector<NamedWire> wires{{"epoll, sleeping", epoll_wire(Waiting::kSleeps)},
                               {"epoll, spinning", epoll_wire(Waiting::kSpins)}};
  if (!bench::has_ring()) return wires;
  wires.push_back({"ring, sleeping", bench::ring_wire(Waiting::kSleeps)});
  wires.push_back({"ring, spinning", bench::ring_wire(Waiting::kSpins)});
  return wires;
}

class Wires : public ::testing::Test {
 protected:
  LoadOptions options(const MakeWire& wire, std::uint32_t connections, std::uint32_t depth) const {
    return {.socket_path = daemon_.path(),
            .connections = connections,
            .depth = depth,
            .warmup_s = 0.005,
            .measured_s = 0.02,
            .wire = wire};
  }

  test::DaemonProcess daemon_;
  Client client_{daemon_.options()};
};

TEST_F(Wires, each_carries_small_and_large_requests_and_replies) {
  for (const std::size_t bytes : {64U, 300'000U}) {
    const Entries entries(12, bytes);
    const RpcDialect dialect(entries, "lru");
    const auto tape = Tape::of_load(dialect, entries, Mix::kGet, KeyChoice::kUniform);
    for (const auto& [name, make] : wires()) {
      SCOPED_TRACE(name);
      client_.clear("lru");
      run_once(dialect, Tape::of_puts(dialect, 0, entries.count()), options(make, 3, 4));
      EXPECT_EQ(client_.info("lru").currsize, entries.count());
      EXPECT_GT(run_load(dialect, tape, options(make, 20, 3)).requests, 0U);
    }
  }
}

TEST_F(Wires, each_notices_a_wrong_reply_and_a_daemon_that_is_not_there) {
  const Entries entries(50, 64);
  const RpcDialect dialect(entries, "lru");
  const auto tape = Tape::of_load(dialect, entries, Mix::kGet, KeyChoice::kUniform);  // of what nobody put
  for (const auto& [name, make] : wires()) {
    SCOPED_TRACE(name);
    EXPECT_THROW(run_load(dialect, tape, options(make, 2, 4)), Fault);
    EXPECT_THROW(make("nowhere/socket", 1), NoConnection);
  }
}

/// A server that answers a byte a while after it was connected to.
class LateServer {
 public:
  LateServer() : listener_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path().copy(address.sun_path, sizeof address.sun_path - 1);
    EXPECT_EQ(::bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(::listen(listener_, 1), 0);
    answerer_ = std::thread([this] {
      client_ = ::accept(listener_, nullptr, nullptr);
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
      EXPECT_EQ(::send(client_, "x", 1, MSG_NOSIGNAL), 1);
    });
  }
  ~LateServer() {
    answerer_.join();
    ::close(client_);
    ::close(listener_);
  }
  LateServer(const LateServer&) = delete;
  LateServer& operator=(const LateServer&) = delete;

  std::string path() const { return directory_.path() + "/socket"; }

 private:
  test::TemporaryDirectory directory_;
  int listener_;
  int client_ = -1;
  std::thread answerer_;
};

TEST(WiresAlone, only_one_that_spins_tells_of_time_to_spare) {
  for (const auto& [name, make] : wires()) {
    SCOPED_TRACE(name);
    const LateServer server;
    const auto wire = make(server.path(), 1);
    bool has_arrived = false;
    while (!has_arrived) wire->wait([&](auto...) { has_arrived = true; });
    EXPECT_EQ(wire->spun_ns() > 0, name.ends_with("spinning"));
  }
}

}  // namespace
}  // namespace pannier::load
