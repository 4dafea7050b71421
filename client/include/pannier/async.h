// pannier::AsyncClient: asynchronous access to pannierd on the program's own libuv loop. A library of its
// own: CMake's pannier::pannier_async, pkg-config's pannier-async.
//
//   pannier::AsyncClient client(uv_default_loop());
//   client.get<int>("lru", "answer").then([](pannier::Outcome<std::optional<int>> found) {
//     if (!found.ok()) return;                       // found.value() would throw the error
//     if (found.value()) std::cout << **found.value();
//   });
//   uv_run(uv_default_loop(), UV_RUN_DEFAULT);
//
// One connection; any number of requests in flight over it, up to AsyncOptions. Requests made in one pass of
// the loop go out together at its end, in the order of their calls. Nothing here ever waits: not for the
// daemon, not for the socket, and one pass reads at most a megabyte of replies.
//
// When a request's time is over, its callback gets a TimeoutError, and a late reply is ignored. When the
// connection ends, requests that may be repeated go once over a new one and all others fail with a
// ConnectionError (client.h says which are which). A request that is larger than the daemon's max_frame, or
// nested deeper than its max_depth, ends it, too. The next request connects again; while the daemon is away
// each pass costs one attempt.
//
// Not thread-safe: constructor, destructor and all methods belong to the loop's thread, where all callbacks
// run; but never inside the call that made the request. A callback may do anything with the client, destroy
// it too; it must not throw (std::terminate). The loop is kept alive while requests are in flight, and only
// then. Void in a forked child, as the loop is.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <variant>

#include "pannier/async_methods.h"
#include "pannier/pipeline.h"

/// libuv's uv_loop_t.
struct uv_loop_s;

namespace pannier {

struct AsyncOptions {
  /// As in ClientOptions.
  std::string path = {};
  std::chrono::milliseconds connect_timeout = std::chrono::seconds(1);
  std::chrono::milliseconds request_timeout = std::chrono::seconds(5);
  std::chrono::milliseconds slow_request_timeout = std::chrono::minutes(1);
  std::size_t reply_bytes_max = std::size_t{1} << 30;
  /// Requests without a reply, those whose time was over and that the daemon may still answer among them.
  std::size_t in_flight_max = 10'000;
  /// Bytes of requests that are not sent yet, or may have to be sent again.
  std::size_t in_flight_bytes_max = std::size_t{64} << 20;
};

/// What came of a request: a result, or an error.
template <class T>
class Outcome {
 public:
  Outcome(T value) : either_(std::in_place_index<0>, std::move(value)) {}
  Outcome(std::exception_ptr error) : either_(std::in_place_index<1>, std::move(error)) {}

  bool ok() const noexcept { return either_.index() == 0; }
  /// The result. Throws the error if there is one.
  const T& value() const& {
    check();
    return std::get<0>(either_);
  }
  T&& value() && {
    check();
    return std::get<0>(std::move(either_));
  }
  /// Null if ok().
  std::exception_ptr error() const noexcept { return ok() ? nullptr : std::get<1>(either_); }

 private:
  void check() const {
    if (!ok()) std::rethrow_exception(std::get<1>(either_));
  }
  std::variant<T, std::exception_ptr> either_;
};

namespace detail {

class AsyncCore;
/// The raw result, or the error.
using Handler = std::function<void(const Reply&)>;
void send(AsyncCore& core, Request request, Handler done);

template <class T>
Outcome<T> outcome_of(const Reply& reply, const std::function<T(std::string_view)>& read) {
  try {
    return read(reply.result());
  } catch (...) {
    return std::current_exception();
  }
}

}  // namespace detail

/// A request that is ready to go. Nothing is sent without then().
template <class T>
class [[nodiscard]] Call {
 public:
  /// Sends it; `done` is called once, with what came of it. Error with kOverloaded: nothing is sent.
  void then(std::function<void(Outcome<T>)> done) && {
    detail::send(*core_, std::move(request_),
                 [read = std::move(read_), done = std::move(done)](const Reply& reply) {
                   done(detail::outcome_of(reply, read));
                 });
  }

 private:
  friend class AsyncClient;
  Call(std::shared_ptr<detail::AsyncCore> core, detail::Request request,
       std::function<T(std::string_view)> read)
      : core_(std::move(core)), request_(std::move(request)), read_(std::move(read)) {}

  std::shared_ptr<detail::AsyncCore> core_;
  detail::Request request_;
  std::function<T(std::string_view)> read_;
};

class AsyncClient : public AsyncMethods<AsyncClient, Call> {
 public:
  /// Neither connects nor throws. `loop` has to outlive the client.
  explicit AsyncClient(uv_loop_s* loop, AsyncOptions options = {});
  AsyncClient(const AsyncClient&) = delete;
  AsyncClient& operator=(const AsyncClient&) = delete;
  /// Calls back what is in flight, with a ConnectionError, before it returns. Requests that are made in there
  /// are dropped, as is a Call that is left: they are not called back. Memory that libuv holds is given back
  /// in the next pass of the loop: run it once more before uv_loop_close().
  ~AsyncClient();

  /// Requests whose callback is still to come.
  std::size_t in_flight() const noexcept;

 private:
  friend class AsyncMethods<AsyncClient, Call>;
  std::uint64_t next_id();
  template <class T>
  Call<T> ask(detail::Request request, std::function<T(std::string_view)> read) {
    return Call<T>(core_, std::move(request), std::move(read));
  }

  std::shared_ptr<detail::AsyncCore> core_;
};

}  // namespace pannier
