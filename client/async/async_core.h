// AsyncCore: what an AsyncClient is made of. One connection on the loop and the requests over it.
//
// A request is noted (InFlight), and the loop's pass ends with a flush: it connects if there is no
// connection, and sends what the socket takes; the rest goes when there is room. Replies are matched by msgid
// and handed to their handlers.
// - The daemon cannot be reached: all requests fail. Too many others wait for it: tried again until
//   connect_timeout.
// - The connection ends, or what comes is no message: requests that may go again do, over a new one; the
//   others fail.
// - The daemon takes no more bytes: its last words are read first, then the same.
// - The daemon refuses a large request: if that may end the connection, and nothing else is awaited over it,
//   the next requests go over a new one.
// - A request's time is over: it fails, and its reply is awaited no more.
// - The client is destroyed, maybe in a handler: close() ends everything, handlers that were due anyway
//   included; each callback holds on to the core until it returns, and looks whether it is closed after each
//   handler.
#pragma once

#include <uv.h>

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "client/async/in_flight.h"
#include "client/async/uv_owned.h"
#include "client/deadline.h"
#include "client/receiver.h"
#include "client/socket.h"
#include "pannier/async.h"

namespace pannier::detail {

class AsyncCore : public std::enable_shared_from_this<AsyncCore> {
 public:
  AsyncCore(uv_loop_t* loop, AsyncOptions options);

  std::uint64_t next_id() { return next_id_++; }
  /// Error with kOverloaded. Dropped, without a call of `done`, once this is closed.
  void send(Request request, Handler done);
  std::size_t in_flight() const { return in_flight_.size(); }
  /// Fails what is in flight.
  void close();

 private:
  struct Link {
    Socket socket;
    Receiver receiver;
    UvOwned<uv_poll_t> poll;
    int events = 0;
    /// The daemon takes no more bytes.
    std::optional<Failure> end_of_sending = std::nullopt;
  };

  void flush();
  void connect();
  void take_link(Socket socket);
  void send_some();
  void ready(int status, int events);
  /// Takes what has come, once. False: there was nothing, or there is nobody to take more.
  bool receive();
  /// False: nothing more is to be taken, because the link or the client is gone.
  bool take(Arrived& arrived);
  bool take_answer(Answered& answered);
  void link_ended(Failure failure);
  void tick();
  /// What is waited for, and whether it keeps the loop running.
  void watch();
  void watch_link();
  void watch_time();
  void fail(std::vector<InFlight::Due> due, Failure failure);
  void call_settled();
  Deadline deadline_of(const Request& request) const;

  uv_loop_t* loop_;
  AsyncOptions options_;
  InFlight in_flight_;
  std::uint64_t next_id_ = 1;
  struct Settled {
    Handler done;
    Reply reply;
  };
  /// Handlers that are to be called with an error, the next first.
  std::deque<Settled> settled_;
  std::optional<Link> link_;
  UvOwned<uv_prepare_t> flushing_;
  UvOwned<uv_timer_t> timer_;
  Deadline timer_fires_ = Deadline::max();
  /// While the daemon has too many who wait.
  std::optional<Deadline> connect_until_;
  bool is_closed_ = false;
};

}  // namespace pannier::detail
