// Socket: one connected Unix stream socket that never blocks but in wait(), never raises SIGPIPE, and is
// closed on exec. It is only ever closed, never shut down: a forked child that closes its copy does not
// disturb the parent. Knows nothing of messages.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "client/deadline.h"
#include "client/spin.h"

namespace pannier::detail {

/// Some bytes went through; 0: none can at the moment.
struct Transferred {
  std::size_t bytes;
};
/// No more will go this way. `system_error` is the errno; 0 at the peer's orderly end of stream.
struct Ended {
  int system_error;
};
using TransferOutcome = std::variant<Transferred, Ended>;

enum class WaitFor { kInput, kInputOrRoom };

class Socket {
 public:
  /// Connects to the socket at `path`. Throws ConnectionError (with the errno; ENAMETOOLONG for a path over
  /// 107 bytes) or TimeoutError, both with the path in their text.
  static Socket connect(const std::string& path, Deadline deadline);

  /// The same without waiting. Nothing: too many others wait for the daemon, try later.
  static std::optional<Socket> connect_now(const std::string& path);

  Socket(Socket&& other) noexcept;
  Socket& operator=(Socket&& other) = delete;
  ~Socket();

  TransferOutcome send(std::string_view bytes);
  /// Spins first if wait() has left that to it.
  TransferOutcome receive(char* buffer, std::size_t size);
  /// Copies of the descriptors that come with the next byte, which stays to be received. Nothing: it has not
  /// come, which is so after a wait() that has left it to receive() to spin.
  std::optional<std::vector<int>> peek_descriptors();
  /// Called by wait() when a signal has interrupted it; what it throws comes out of wait(). Must outlive the
  /// socket.
  void on_signal(const std::function<void()>& call) { on_signal_ = call ? &call : nullptr; }
  /// From now on a wait for input may return at once, and have receive() look for it again and again, for at
  /// most so long; by itself none does.
  void spin_for(std::chrono::microseconds time) { spin_ = Spin(time); }
  /// Until there is something to receive or the peer has ended (or, for kInputOrRoom, something can be sent).
  /// False: the deadline has passed. True may be wrong: receive() then has nothing yet.
  bool wait(WaitFor what, Deadline deadline);
  /// For a loop that waits instead; stays this object's.
  int fd() const { return fd_; }

 private:
  explicit Socket(int fd) : fd_(fd) {}
  TransferOutcome receive_spinning(char* buffer, std::size_t size);

  int fd_;
  const std::function<void()>* on_signal_ = nullptr;
  Spin spin_{std::chrono::microseconds(0)};
  bool is_spinning_ = false;
  /// Since when an answer is waited for.
  std::optional<Deadline> waits_since_;
};

}  // namespace pannier::detail
