// The seam between connections, which move bytes, and the service, which knows what they mean. Neither
// includes the other; main puts them together.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "protocol/bytes.h"
#include "protocol/error.h"
#include "protocol/message.h"
#include "storage/draft.h"
#include "storage/types.h"

namespace pannier::daemon {

struct Visitor;

/// Names one connection of the daemon's life; never used again, so that a late reply to a closed one goes
/// nowhere.
using ConnectionId = std::uint64_t;

/// What all connections have been since the start. Bytes are those that the kernel gave and took.
struct Traffic {
  std::uint64_t accepted = 0;
  std::uint64_t closed = 0;   ///< of those that were accepted
  std::uint64_t refused = 0;  ///< because there were too many
  std::uint64_t bytes_in = 0;
  std::uint64_t bytes_out = 0;
};

/// Whole frames off the front of some bytes.
struct TakenFrames {
  std::size_t bytes = 0;
  std::uint32_t frames = 0;
};

/// What connections tell the service. Implemented by the service, called by connections.
class Dispatcher {
 public:
  virtual ~Dispatcher() = default;

  /// One whole, well-formed frame. Replies that are ready are appended through Outbox::output before this
  /// returns. False: it was no message; an error reply was appended, and the connection is to be closed when
  /// it is sent.
  virtual bool dispatch(ConnectionId from, protocol::Bytes frame, storage::TimeMs now) = 0;
  /// Executes the first frames of `input` as long as they are gets and puts that dispatch() is not needed
  /// for, at most `frames_max`, and appends their replies to `output`, which is what Outbox::output is for
  /// `from`. It may take fewer, or none. `input` begins with a frame.
  virtual TakenFrames dispatch_hot(ConnectionId from, protocol::Bytes input, std::uint32_t frames_max,
                                   std::string& output, storage::TimeMs now) = 0;
  /// A large frame starts so, and nothing of it was dispatched. Where its last bytes are to be written, which
  /// dispatch_draft() is to have then; null if it is to be dispatched as a whole, or `start` is too short to
  /// tell. `owner` must outlive it.
  virtual std::unique_ptr<storage::Draft> draft(ConnectionId from, protocol::Bytes start,
                                                storage::DraftOwner& owner, storage::TimeMs now) = 0;
  /// Executes the frame, of which `start` is what is not in the draft, and appends its reply to `output`, as
  /// dispatch_hot(). False: nothing was done, it is to be dispatched as a whole.
  virtual bool dispatch_draft(ConnectionId from, protocol::Bytes start, storage::Draft& draft,
                              std::string& output, storage::TimeMs now) = 0;
  /// The stream broke a limit; `start`: what there is of the frame. An error reply was appended; close when
  /// it is sent.
  virtual void refuse(ConnectionId from, protocol::Bytes start, const protocol::Error& error) = 0;
  /// What has arrived so far of a large frame that is not whole yet: told at the end of each pass in which
  /// more of it came, and once with nothing when it is arriving no more. closed() may come instead of that.
  virtual void arriving(ConnectionId from, protocol::Bytes start) = 0;
  /// The client has sent its end of stream, and all its requests were dispatched: its leases and waits (for
  /// leases) end. What waits for the disk is still answered.
  virtual void ended(ConnectionId from, storage::TimeMs now) = 0;
  /// Requests of it whose reply is still to come; a connection at its end of stream closes when there are
  /// none.
  virtual std::uint64_t waiting(ConnectionId from) const = 0;
  /// Whether reading from it should pause, because what it has waiting holds much memory.
  virtual bool is_congested(ConnectionId from) const = 0;
  /// Its unsent output has fallen below half the budget: notifications that were held back may follow.
  virtual void drained(ConnectionId from, storage::TimeMs now) = 0;
  /// It is gone; nothing can be sent any more. Follows ended() or comes alone.
  virtual void closed(ConnectionId from, storage::TimeMs now) = 0;
};

/// What the service may do with connections. Implemented by the server.
class Outbox {
 public:
  virtual ~Outbox() = default;

  /// Where output for `to` is appended; null if it is gone. What was appended is sent at the end of the loop
  /// pass. Valid until control returns to the loop.
  virtual std::string* output(ConnectionId to) = 0;
  /// Appends the parts, but for what the kernel takes at once, which is not copied. If that is not all,
  /// nothing of `to` is read or executed for a while, or until it is.
  virtual void send_through(ConnectionId to, std::span<const protocol::Bytes> parts) = 0;
  /// Sends what was appended for `to` at once, and copies of these descriptors with it; if the kernel takes
  /// nothing, `to` is gone. Precondition: nothing was unsent before.
  virtual void send_with(ConnectionId to, std::span<const int> descriptors) = 0;
  /// While a frame of `from` is dispatched: `part` of it stays as it is for as long as what is answered
  /// lives, without being copied. Null where that cannot be: the part must be copied.
  virtual std::shared_ptr<const void> hold_input(ConnectionId from, protocol::Bytes part) = 0;
  /// Bytes appended and not yet taken by the kernel.
  virtual std::uint64_t unsent_bytes(ConnectionId to) const = 0;
  virtual std::uint64_t connections() const = 0;
  /// Who is at the other end; null if it is gone. Valid until control returns to the loop.
  virtual Visitor* visitor(ConnectionId of) const = 0;
  /// Of the process that connected; 0 if that is not known, or the connection is gone.
  virtual pid_t pid(ConnectionId of) const = 0;
  /// Tells `error` and closes the connection.
  virtual void dismiss(ConnectionId connection, const protocol::Error& error) = 0;
  virtual const Traffic& traffic() const = 0;
  /// Input and output buffers of all connections.
  virtual std::uint64_t buffer_bytes() const = 0;
};

}  // namespace pannier::daemon
