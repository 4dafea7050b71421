// pannier::FutureClient: requests whose results are std::futures. Of the library pannier_async, as async.h.
//
//   pannier::FutureClient client;
//   std::future<std::optional<int>> a = client.get<int>("lru", "a");
//   auto b = client.get<int>("lru", "b");                 // both are under way
//   use(a.get(), b.get());
//
// An AsyncClient on a thread and a loop of its own: all requests of all threads go over one connection, many
// at once. The thread runs nothing but this library, with all signals blocked. Destroying a future does not
// wait and does not undo the request.
//
// Thread-safe. That too many requests are in flight is thrown, or comes as the future. In a forked child it
// is void: methods throw ConnectionError there.
#pragma once

#include <functional>
#include <future>
#include <memory>
#include <utility>

#include "pannier/async.h"

namespace pannier {

class FutureClient : public AsyncMethods<FutureClient, std::future> {
 public:
  /// Starts the thread; does not connect. std::system_error: the system has no thread or descriptor left.
  explicit FutureClient(AsyncOptions options = {});
  FutureClient(const FutureClient&) = delete;
  FutureClient& operator=(const FutureClient&) = delete;
  /// Futures that are not ready get a ConnectionError. Waits for the thread, which does not wait for the
  /// daemon.
  ~FutureClient();

 private:
  friend class AsyncMethods<FutureClient, std::future>;
  struct Shared;

  std::uint64_t next_id();
  void post(detail::Request request, detail::Handler done);

  template <class T>
  std::future<T> ask(detail::Request request, std::function<T(std::string_view)> read) {
    auto promise = std::make_shared<std::promise<T>>();
    auto future = promise->get_future();
    detail::Handler done = [promise, read = std::move(read)](const Reply& reply) {
      auto outcome = detail::outcome_of(reply, read);
      if (outcome.ok()) {
        promise->set_value(std::move(outcome).value());
      } else {
        promise->set_exception(outcome.error());
      }
    };
    post(std::move(request), std::move(done));
    return future;
  }

  std::unique_ptr<Shared> shared_;
};

}  // namespace pannier
