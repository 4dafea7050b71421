// Server: the socket that is listened on, and all connections. It accepts up to connections_max of them,
// gives each a turn in every pass of the loop, sends at the end of a pass what the pass has produced, and
// bounds the memory of all buffers. Not here: what the bytes mean (Dispatcher), how the socket came into
// being (socket_file.h).
//
// The happy path: a connection reads, its whole frames are dispatched, replies are appended to its output
// through output(), and at the end of the pass settle() sends them. Then everything that can go wrong:
//  - connections_max is reached: one `overloaded` error with a nil msgid, then the connection is closed.
//  - The buffers of all connections exceed buffer_bytes_max: whoever holds the most is closed, not whoever
//    asks next, which may be an innocent with a small request. It is told `overloaded` if it is its input;
//    one that does not read its replies cannot be told.
//  - The same for the connections and buffers of one user, by the limits of users; there it is a connection
//    of this user that is closed.
//  - The rest concerns one connection alone: see connection.h.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "daemon/clock.h"
#include "daemon/config.h"
#include "daemon/connection.h"
#include "daemon/connection_table.h"
#include "daemon/dispatcher.h"
#include "daemon/log.h"
#include "daemon/seldom.h"
#include "daemon/spinner.h"
#include "daemon/uv_loop.h"
#include "daemon/uv_pass.h"
#include "daemon/uv_pipe.h"
#include "daemon/uv_timer.h"
#include "daemon/visitor.h"

namespace pannier::daemon {

class Server final : public Outbox, private ConnectionHost {
 public:
  /// Connections above connections_max that are being told so; further ones are told if they have read it by
  /// then.
  static constexpr std::uint32_t kRefusedMax = 64;
  /// Connections with a wide socket (Connection::kWideSocketBytes), because the kernel's memory for what is
  /// not read is not counted by anyone here.
  static constexpr std::uint32_t kWideMax = 64;

  /// All must outlive the server. `spin_us`: see Spinner.
  Server(UvLoop& loop, const Clock& clock, Log& log, const ClientLimits& limits, std::uint32_t spin_us);
  ~Server() override;
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// Accepts connections on `bound_fd` (a bound stream socket, taken over) from now on, and gives what they
  /// send to `dispatcher`, which must stay until close() is done. Call it once, and after
  /// whoever else waits for the ends of passes was made: libuv calls the latest first, and what happens in
  /// this one's concerns the others.
  void listen(int bound_fd, Dispatcher& dispatcher);
  /// The limits that it was made with, and what they refer to, are others than before.
  void limits_changed(std::uint32_t spin_us);
  /// New connections are not accepted any more; those that exist go on.
  void stop_accepting();
  /// Reads nothing more, sends what is unsent (see Connection::finish), and closes all connections; then
  /// calls `done`.
  void close(std::function<void()> done);

  // -- Outbox

  std::string* output(ConnectionId to) override;
  void send_through(ConnectionId to, std::span<const protocol::Bytes> parts) override;
  void send_with(ConnectionId to, std::span<const int> descriptors) override;
  std::shared_ptr<const void> hold_input(ConnectionId from, protocol::Bytes part) override;
  std::uint64_t unsent_bytes(ConnectionId to) const override;
  /// Those that are served; not those that are only told why they are not.
  std::uint64_t connections() const override { return served_; }
  const Traffic& traffic() const override { return traffic_; }
  std::uint64_t buffer_bytes() const override { return buffer_bytes_; }
  Visitor* visitor(ConnectionId of) const override;
  pid_t pid(ConnectionId of) const override;
  void dismiss(ConnectionId connection, const protocol::Error& error) override;

 private:
  using Slot = ConnectionSlot;
  using Ids = std::vector<ConnectionId>;

  std::span<char> shared_space() override { return shared_space_; }
  void attend(ConnectionId id) override;
  void account(ConnectionId id) override;
  bool buffers_are_scarce() const override { return buffer_bytes_ > limits_.buffer_bytes_max / 2; }
  bool buffers_are_full() const override { return buffer_bytes_ > limits_.buffer_bytes_max || is_user_over_; }
  SpareOutputs& spare_outputs() override { return spare_outputs_; }
  Traffic& traffic_to_count() override { return traffic_; }
  bool allows_wide(ConnectionId id) override;

  void accept();
  std::optional<protocol::Error> refusal(const UserShare& user) const;
  void refuse(Connection& connection, const protocol::Error& error);
  bool is_over(const UserShare& user) const {
    return user.is_bounded && user.buffer_bytes > limits_.user_buffer_bytes_max;
  }
  void mark(Slot& slot);
  void account(Slot& slot);
  /// Calls `use` with each id that is in `ids` now; more may be added meanwhile.
  template <typename Use>
  void work_through(Ids& ids, Use use);
  void run_ready();
  /// The end of a pass.
  void settle();
  void settle_one(ConnectionId id);
  /// Of those that `may_go` says yes to; false if there is none.
  template <typename MayGo>
  bool shed_largest(MayGo may_go, const protocol::Error& error);
  void shed();
  void destroy(Slot& slot);

  UvLoop& loop_;
  const Clock& clock_;
  Log& log_;
  const ClientLimits& limits_;
  Dispatcher* dispatcher_ = nullptr;  // from listen() on
  std::vector<char> shared_space_;
  SpareOutputs spare_outputs_;

  Visitors visitors_;
  ConnectionTable slots_;
  std::uint64_t served_ = 0;
  Traffic traffic_;
  std::uint32_t wide_ = 0;
  std::uint64_t buffer_bytes_ = 0;
  bool is_user_over_ = false;     // the buffers of one user were too large in this pass
  ConnectionId last_output_ = 0;  // may have been appended to since it was accounted
  Seldom refusal_told_{1'000};

  Ids marked_;                    // to be settled at the end of this pass
  Ids watched_;                   // at the end of every pass
  Ids ready_;                     // to be run in the next pass
  Ids turn_;                      // one of these while it is worked through; its memory is kept
  std::function<void()> closed_;  // of close()

  Spinner spinner_;

  std::unique_ptr<UvListener> listener_;
  UvIdle idle_;
  std::unique_ptr<UvPassEnd> pass_end_;  // from listen() on
  UvTimer watch_timer_;
};

}  // namespace pannier::daemon
