// Connection: one socket with requests going out and replies, matched by msgid, coming in. Used by one thread
// at a time. It neither repeats nor reconnects, and throws nothing but out-of-memory: how an exchange ended
// is a value, and after any Failure the connection is of no more use.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "client/deadline.h"
#include "client/receiver.h"
#include "client/socket.h"

namespace pannier::detail {

/// The params of a notification, as MessagePack.
using Notified = std::variant<std::string, Failure>;

class Connection {
 public:
  Connection(Socket socket, std::size_t reply_bytes_max);

  /// Sends `frames`, whole requests with the msgids `ids` (growing), and fills `answers`, one for each id,
  /// until all are there. On a Failure those that came before it are there. Reads while it writes, so that
  /// neither side waits for the other, and goes on reading what the daemon still answers when it no longer
  /// takes requests.
  std::optional<Failure> exchange(std::string_view frames, std::span<const std::uint64_t> ids,
                                  std::span<std::optional<Answer>> answers, Deadline deadline);

  /// Sends what needs no answer. False: it could not be sent at once, and the connection is of no more use.
  bool send_now(std::string_view frame);

  /// The descriptors that come with the next byte, which are the caller's then; waits for that byte, and
  /// leaves it to exchange(). None at the deadline, or if the daemon has ended the connection.
  std::vector<int> peek_descriptors(Deadline deadline);

  /// From now on notifications are kept for next_notification(); before, they are ignored.
  void keep_notifications() { keeps_notifications_ = true; }
  /// The oldest notification. kTimedOut: none until the deadline; the only failure that leaves the connection
  /// usable.
  Notified next_notification(Deadline deadline);
  /// True once after notifications had to be thrown away because kNotificationsMax were waiting.
  bool lost_notifications();

  /// In a forked child: it must neither send nor receive here.
  bool is_inherited() const;
  /// Whether another request may go over it: no bytes are waiting that no request has asked for, and no
  /// answer was an error behind which the daemon may end the connection.
  bool is_reusable() const { return receiver_.is_quiet() && !may_be_ending_; }

 private:
  /// Notifications that wait while a request is answered.
  static constexpr std::size_t kNotificationsMax = 65'536;

  struct Exchange;
  void send_some(Exchange& exchange);
  std::optional<Failure> take_messages(Exchange& exchange);
  void keep_notification(std::string_view params);

  Socket socket_;
  pid_t owner_;
  Receiver receiver_;
  bool may_be_ending_ = false;
  bool keeps_notifications_ = false;
  bool lost_notifications_ = false;
  std::deque<std::string> notifications_;
};

}  // namespace pannier::detail
