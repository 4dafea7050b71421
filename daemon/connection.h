// Connection: one client's byte stream. It finds whole frames in what arrives, hands them to the Dispatcher
// in order, and sends what was appended to its output. It does not know what frames mean, nor of other
// connections; the server owns it.
//
// The happy path: bytes arrive (bytes_arrived), execute() scans and dispatches every whole frame in them,
// settle() sends the output at the end of the pass in one write. What else can happen, and what then:
//  - The client does not read: what the kernel does not take is sent when it has room. Above
//    unsent_bytes_max nothing more is executed or read, until less than half of that is unsent.
//  - The Dispatcher is congested: the same, until it is not.
//  - The client sends much: after kPassFramesMax frames, kPassBytesMax bytes or kPassNsMax nanoseconds of
//    work others get their turn; the rest of what arrived is executed in the next pass, before more is read.
//  - A frame is large: what has arrived of it is told to the Dispatcher until it is whole. If the Dispatcher
//    has a draft for its last bytes, they are read into that (connection_draft.cc), and its first bytes alone
//    stay here; where it cannot be executed so, or the draft is given up, all of it is in the buffer again.
//  - The client ends its stream: what was asked is still answered, then the connection is gone.
//  - The stream breaks a limit, or a frame is no message: the Dispatcher appends an error, and the
//    connection closes: it reads and discards what still comes, so that the client is not stuck in sending,
//    sends what is unsent, shuts down its writing, and is gone when the client has closed its side, after
//    kLingerMs, or with kDiscardedBytesMax discarded.
//  - Reading or writing fails: gone at once.
//  - All buffers together are too large, and this one's are the largest: shed().
// When it is gone, the Dispatcher was told by closed(), and the server destroys it.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "daemon/clock.h"
#include "daemon/config.h"
#include "daemon/dispatcher.h"
#include "daemon/input_buffer.h"
#include "daemon/spare_outputs.h"
#include "daemon/uv_loop.h"
#include "daemon/uv_pipe.h"
#include "protocol/error.h"
#include "protocol/scanner.h"
#include "storage/draft.h"

namespace pannier::daemon {

/// What a connection needs of the one who keeps them all.
class ConnectionHost {
 public:
  virtual ~ConnectionHost() = default;

  /// Space to read into that is anyone's for the time of one call back.
  virtual std::span<char> shared_space() = 0;
  /// Something happened to it: settle() it at the end of the pass.
  virtual void attend(ConnectionId id) = 0;
  /// Its buffer_bytes() may have changed.
  virtual void account(ConnectionId id) = 0;
  /// All buffers together are over half of their limit: whoever has more than a little unsent waits.
  virtual bool buffers_are_scarce() const = 0;
  /// All buffers are over their limit: nobody reads or executes until the end of the pass, which mends it.
  virtual bool buffers_are_full() const = 0;
  /// Where memory for large outputs comes from, and goes.
  virtual SpareOutputs& spare_outputs() = 0;
  /// Where its bytes are counted.
  virtual Traffic& traffic_to_count() = 0;
  /// Whether this one may have a wide socket; it may from then on.
  virtual bool allows_wide(ConnectionId id) = 0;
};

class Connection final : private UvPipeEvents, private storage::DraftOwner {
 public:
  static constexpr std::uint32_t kPassFramesMax = 1'024;
  static constexpr std::size_t kPassBytesMax = std::size_t{1} << 20;
  static constexpr std::uint64_t kPassNsMax = 2'000'000;
  /// Hot frames before the clock is looked at for the first time, which costs as much as some of them.
  static constexpr std::uint32_t kUntimedFramesMax = 64;
  /// Unsent output above which nothing more is executed while buffers are scarce.
  static constexpr std::uint64_t kScarceUnsentBytes = std::uint64_t{64} << 10;
  /// How long nothing more is executed behind a large value that the client is slow to read. Then it is again
  /// unsent_bytes_max that counts: who writes a long request before it reads must not wait for ever.
  static constexpr std::uint64_t kStuffedMs = 100;
  /// What is asked of the kernel for a socket whose large replies it does not take whole: room for a value of
  /// 256 KiB.
  static constexpr int kWideSocketBytes = 256 << 10;
  static constexpr std::size_t kLargeFrameBytes = std::size_t{64} << 10;
  /// A frame that lacks so much may have a draft. For one with a value of 64 KiB a read more takes longer
  /// than the copy.
  static constexpr std::size_t kDraftBytesMin = std::size_t{56} << 10;
  /// And it has one from its first bytes on, or none: they are copied.
  static constexpr std::size_t kDraftStartBytesMax = kLargeFrameBytes + InputBuffer::kAroundValueBytes;
  /// Behind a frame that had one, the next may be as large: so much more is read of it first than has stayed
  /// in the buffer of the one before.
  static constexpr std::size_t kStartSpareBytes = 512;
  static constexpr std::uint64_t kLingerMs = 5'000;
  static constexpr std::uint64_t kFinishMs = 1'000;
  static constexpr std::uint64_t kDiscardedBytesMax = std::uint64_t{256} << 20;

  /// What the server is to do with it after a pass.
  enum class Next {
    kNothing,  ///< something will happen to it
    kRun,      ///< run() it in the next pass
    kWatch,    ///< settle() it at the end of every pass, and in kWatchMs at the latest
    kDestroy,  ///< it is gone
  };
  static constexpr std::uint64_t kWatchMs = 100;

  /// All must outlive the connection.
  Connection(ConnectionId id, UvLoop& loop, const Clock& clock, const ClientLimits& limits,
             Dispatcher& dispatcher, ConnectionHost& host);
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  /// To accept into, before start() or refuse().
  UvPipe& pipe() { return pipe_; }

  /// Reads from now on.
  void start();
  /// Instead of start(): tells `error` and closes; the Dispatcher never hears of it.
  void refuse(const protocol::Error& error);

  /// The rest of what arrived in an earlier pass, after settle() answered kRun.
  void run();
  /// At the end of a pass: sends, and finds out what is next.
  Next settle();
  /// Makes room: an `overloaded` error and the end if its input is what costs memory, else the end at once,
  /// because its output would have to be read first. Its input and output are given back.
  void shed(const protocol::Error& error);
  /// Tells `error`, answers what waits no more, and closes.
  void dismiss(const protocol::Error& error);
  /// Reads nothing more, sends what is unsent for at most kFinishMs, and is gone.
  void finish();

  /// Where to append; null if nothing can be sent any more. The server sees to it that settle() follows.
  std::string* output();
  /// As appending to output(), but what the kernel takes at once is not copied; see Outbox.
  void send_through(std::span<const protocol::Bytes> parts);
  /// See Outbox.
  void send_with(std::span<const int> descriptors);
  std::shared_ptr<const void> hold_input(protocol::Bytes part) const { return input_.hold(part); }
  std::uint64_t unsent_bytes() const;
  /// The limits are others than before.
  void limits_changed() { scanner_.set_limits(limits_.frame); }
  /// Memory of its buffers, and what its draft has of the catalog's.
  std::uint64_t buffer_bytes() const;
  /// Why it is gone, for the log.
  std::string_view reason() const { return reason_; }

 private:
  std::uint64_t input_bytes() const;

  enum class State {
    kServing,
    kEnded,      ///< the client's end of stream was read
    kClosing,    ///< an error is on its way, the last thing
    kLingering,  ///< everything is sent, and the client was told the end
    kFinishing,  ///< the daemon ends
    kGone,
  };

  std::span<char> read_space() override;
  void read_without_space() override;
  void bytes_arrived(std::size_t size) override;
  void read_ended() override;
  void read_failed(int code) override;
  void write_done() override;
  void write_failed(int code) override;
  void gave_up(const storage::BytesView& bytes) override;

  /// After something was executed, or arrived.
  void after_input();
  /// The frame whose beginning is in the input gets a draft, if it may and lacks enough.
  void begin_draft();
  bool write_draft(protocol::Bytes bytes);
  /// Of a frame that has one: executes it if it is whole and its time has come.
  void execute_draft();
  /// All of the frame is in the input.
  void end_draft();
  /// How many bytes of `input` were taken: whole frames, or everything if the connection is closing.
  std::size_t execute(protocol::Bytes input);
  /// How many bytes at the start of `input` were hot frames and are executed.
  std::size_t dispatch_hot(protocol::Bytes input);
  /// False if the connection is to close.
  bool dispatch(protocol::Bytes frame);
  void discard(std::size_t size);
  void start_pass_time();
  bool has_used_up_pass() const;
  /// Other values would be copied whole behind the one that is under way; 0 or in the past if there is none.
  bool is_stuffed() const { return clock_.uptime_ms() < stuffed_until_ms_; }
  /// By unsent output or congestion.
  bool is_blocked();
  void close_after_output();
  void set_deadline(std::uint64_t after_ms);
  bool is_late() const;
  /// For replies that are about to be written.
  void prepare_output();
  void flush();
  /// All of `buffer`, one of the outputs, was.
  void sent(std::string& buffer);
  /// Of the memory of `buffer`, which is empty.
  void keep_little(std::string& buffer);
  void widen();
  void tell_arriving();
  void tell_drained();
  void tell_closed();
  void gone(std::string_view reason);
  Next next_when_serving();
  Next next_when_closing();

  const ConnectionId id_;
  const Clock& clock_;
  const ClientLimits& limits_;
  Dispatcher& dispatcher_;
  ConnectionHost& host_;
  Traffic& traffic_;
  State state_ = State::kServing;
  std::string_view reason_;

  protocol::FrameScanner scanner_;
  InputBuffer input_;                      // a frame's beginning, and while paused whole frames
  std::size_t bytes_wanted_ = 0;           // what that frame lacks, as far as is known
  bool reads_into_input_ = false;          // else into the shared space
  std::span<char> space_;                  // of the read under way
  std::unique_ptr<storage::Draft> draft_;  // of the frame whose beginning is in the input
  // Of a frame that may have one: what is read first.
  std::size_t start_bytes_ = kDraftStartBytesMax;
  std::uint32_t pass_frames_ = 0;
  std::uint64_t pass_started_ns_ = 0;  // 0 until it matters
  std::size_t pass_bytes_ = 0;
  bool is_paused_ = false;    // not reading; run() goes on
  bool is_arriving_ = false;  // the Dispatcher was told of a large frame that is not whole
  std::uint64_t discarded_bytes_ = 0;
  bool has_peer_ended_ = false;

  std::string output_;     // appended to
  std::string in_flight_;  // given to the pipe, stable until it is done
  bool is_writing_ = false;
  std::size_t sent_bytes_ = 0;          // of the last output
  bool is_wide_ = false;                // its socket
  std::uint64_t stuffed_until_ms_ = 0;  // of uptime: the kernel did not take a large value whole
  bool is_over_unsent_ = false;         // above unsent_bytes_max, and since then not below half of it
  bool was_over_half_ = false;          // of unsent_bytes_max, and tell_drained() is due
  bool is_announced_ = false;           // the Dispatcher has to hear of its end
  std::uint64_t deadline_ms_ = 0;       // of uptime: when closing, lingering and finishing end by force

  UvPipe pipe_;
};

}  // namespace pannier::daemon
