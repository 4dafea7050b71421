// UvPipe is one connected Unix stream socket on the loop; UvListener is one that accepts them. They move
// bytes and know nothing of what these mean. Buffers belong to the owner.
#pragma once

#include <functional>
#include <span>
#include <variant>

#include "daemon/uv_handle.h"
#include "daemon/uv_loop.h"
#include "protocol/bytes.h"

namespace pannier::daemon {

/// What a pipe tells its owner, who may destroy the pipe in any of these but read_space().
class UvPipeEvents {
 public:
  virtual ~UvPipeEvents() = default;

  /// Where the next bytes that arrive are put; valid until the call that follows. Empty: read() them, or
  /// have them read later, in another pass.
  virtual std::span<char> read_space() = 0;
  /// The space was empty.
  virtual void read_without_space() = 0;
  /// The first `size` bytes of that space have arrived.
  virtual void bytes_arrived(std::size_t size) = 0;
  /// The other side has shut down its writing, and everything before was read. Nothing more is read.
  virtual void read_ended() = 0;
  /// Nothing more can be read (`code`: libuv's).
  virtual void read_failed(int code) = 0;
  /// All bytes given to write() were taken.
  virtual void write_done() = 0;
  /// They were not, and nothing more can be written.
  virtual void write_failed(int code) = 0;
};

/// Nothing more can be read (`code`: libuv's; 0: the other side has shut down its writing).
struct ReadFailed {
  int code;
};
/// How many bytes the kernel gave; 0 if there are none.
struct GotBytes {
  std::size_t size;
};
/// How many bytes the kernel took; 0 if it has no room.
struct TookBytes {
  std::size_t size;
};
/// Nothing more can be written (`code`: libuv's).
struct WriteFailed {
  int code;
};

class UvPipe {
 public:
  /// Both must outlive this. Destroying it closes the socket; nothing is called back after that.
  UvPipe(UvLoop& loop, UvPipeEvents& events);
  UvPipe(const UvPipe&) = delete;
  UvPipe& operator=(const UvPipe&) = delete;
  ~UvPipe();

  /// Both may be called at any time but in read_space(), and again, until read_ended() or read_failed().
  void start_reading();
  void stop_reading();
  /// In read_without_space(): reads what there is into these parts, one after the other.
  std::variant<GotBytes, ReadFailed> read(std::span<const std::span<char>> parts);

  /// Precondition: no write() is under way.
  std::variant<TookBytes, WriteFailed> try_write(protocol::Bytes bytes);
  /// The same with all of them, one after the other.
  std::variant<TookBytes, WriteFailed> try_write(protocol::Bytes first,
                                                 std::span<const protocol::Bytes> others);
  /// The same with copies of open descriptors, at most kDescriptorsMax, which go with the first byte.
  static constexpr std::size_t kDescriptorsMax = 4;
  std::variant<TookBytes, WriteFailed> try_write_with(protocol::Bytes bytes,
                                                      std::span<const int> descriptors);
  /// Ends with write_done or write_failed. `bytes` must stay as they are until then or until this is
  /// destroyed. Precondition: none is under way, and `bytes` is not empty.
  void write(protocol::Bytes bytes);
  /// Of the write() under way.
  std::size_t unwritten_bytes() const;
  /// How much the kernel takes ahead of the other side's reading, by its own account; less if it allows less.
  void set_send_buffer(int bytes);
  /// Of the socket; this object's.
  int descriptor() const;
  /// The other side reads the end of the stream. Precondition: no write() is under way.
  void shut_down_writing();

 private:
  friend class UvListener;

  /// The requests live as long as the handle, because libuv may use them until it is closed.
  struct Raw {
    uv_pipe_t pipe;
    uv_write_t write;
    uv_shutdown_t shutdown;
  };
  uv_stream_t* stream() const { return reinterpret_cast<uv_stream_t*>(&raw_->pipe); }

  UvHandle<Raw> raw_;
};

class UvListener {
 public:
  /// Calls `connected` for each connection that waits to be accepted, from now on. Takes over `bound_fd`, a
  /// bound stream socket. `backlog`: connections that the kernel keeps waiting. `loop` must outlive this.
  UvListener(UvLoop& loop, int bound_fd, int backlog, std::function<void()> connected);
  UvListener(const UvListener&) = delete;
  UvListener& operator=(const UvListener&) = delete;

  /// To be called in `connected`, with a new pipe. False: the connection is gone already.
  bool accept(UvPipe& into);

 private:
  std::function<void()> connected_;
  UvHandle<uv_pipe_t> handle_;
};

}  // namespace pannier::daemon
