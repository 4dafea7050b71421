#include "pannier/future.h"

#include <signal.h>
#include <unistd.h>
#include <uv.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

#include "client/async/async_core.h"

namespace pannier {

namespace {

void require(int code, const char* what) {
  if (code != 0) throw std::system_error(-code, std::generic_category(), what);
}

/// While it lives, threads that are made here start with all signals blocked.
class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t all;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;
  ~SignalsBlocked() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_;
};

}  // namespace

// The callers' threads post requests and wake the loop; everything of libuv but that waking happens on the
// loop's thread.
struct FutureClient::Shared {
  struct Posted {
    detail::Request request;
    detail::Handler done;
  };

  explicit Shared(AsyncOptions chosen) : options(std::move(chosen)) {
    require(uv_loop_init(&loop), "cannot make a loop");
    wake.data = this;
    const auto took_posted = [](uv_async_t* handle) { static_cast<Shared*>(handle->data)->take_posted(); };
    if (const int code = uv_async_init(&loop, &wake, took_posted); code != 0) {
      uv_loop_close(&loop);
      require(code, "cannot make a loop");
    }
    core = std::make_shared<detail::AsyncCore>(&loop, options);
  }

  ~Shared() {
    finish();
    uv_run(&loop, UV_RUN_DEFAULT);
    uv_loop_close(&loop);
  }

  void start() {
    const SignalsBlocked blocked;
    thread = std::thread([this] { uv_run(&loop, UV_RUN_DEFAULT); });
  }

  void stop() {
    is_stopping = true;
    uv_async_send(&wake);
    thread.join();
  }

  void post(Posted posted) {
    {
      const std::lock_guard lock(mutex);
      const std::size_t bytes = posted.request.frame.size();
      const bool has_room = waiting.empty() || (waiting.size() < options.in_flight_max &&
                                                waiting_bytes + bytes <= options.in_flight_bytes_max);
      if (!has_room) throw Error(ErrorCode::kOverloaded, "overloaded: too many requests are in flight");
      waiting.push_back(std::move(posted));
      waiting_bytes += bytes;
    }
    uv_async_send(&wake);
  }

  void take_posted() {
    std::vector<Posted> taken;
    {
      const std::lock_guard lock(mutex);
      taken.swap(waiting);
      waiting_bytes = 0;
    }
    for (auto& posted : taken) ask(posted);
    if (is_stopping) finish();
  }

  // What is in flight fails, and the loop has nothing more to do.
  void finish() {
    auto* handle = reinterpret_cast<uv_handle_t*>(&wake);
    if (uv_is_closing(handle)) return;
    core->close();
    uv_close(handle, nullptr);
  }

  void ask(Posted& posted) {
    try {
      core->send(std::move(posted.request), posted.done);
    } catch (...) {
      posted.done(Reply(std::current_exception()));
    }
  }

  const pid_t owner = ::getpid();
  AsyncOptions options;
  uv_loop_t loop;
  uv_async_t wake;
  std::shared_ptr<detail::AsyncCore> core;
  std::thread thread;
  std::atomic<std::uint64_t> next_id = 1;
  std::atomic<bool> is_stopping = false;
  std::mutex mutex;
  std::vector<Posted> waiting;
  std::size_t waiting_bytes = 0;
};

FutureClient::FutureClient(AsyncOptions options) : shared_(std::make_unique<Shared>(std::move(options))) {
  shared_->start();
}

FutureClient::~FutureClient() {
  if (::getpid() == shared_->owner) {
    shared_->stop();
  } else {
    // The thread is not here, and the loop's descriptors are the parent's: there is nothing to end.
    static_cast<void>(shared_.release());
  }
}

std::uint64_t FutureClient::next_id() { return shared_->next_id.fetch_add(1, std::memory_order_relaxed); }

void FutureClient::post(detail::Request request, detail::Handler done) {
  if (::getpid() != shared_->owner) {
    throw ConnectionError("this client belongs to the parent process", 0, false);
  }
  shared_->post({std::move(request), std::move(done)});
}

}  // namespace pannier
