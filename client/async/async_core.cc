#include "client/async/async_core.h"

#include <algorithm>
#include <utility>

#include "client/round_trip.h"
#include "pannier/options.h"

namespace pannier::detail {

namespace {

/// At least so many bytes are sent in one pass, if the daemon takes them; the rest goes in the next.
constexpr std::size_t kSendBytesMax = std::size_t{1} << 20;
/// No daemon refuses a message for its size that has fewer bytes.
constexpr std::size_t kFrameBytesMaxLeast = std::size_t{256} << 10;
/// Between two attempts to connect while too many others wait.
constexpr std::chrono::milliseconds kConnectAgain{10};

// A handler that throws ends the program here, and not somewhere in libuv.
void call(const Handler& done, const Reply& reply) noexcept {
  if (done) done(reply);
}

template <class Raw>
UvOwned<Raw> started(uv_loop_t* loop, int (*init)(uv_loop_t*, Raw*), AsyncCore* core) {
  auto* raw = new Raw;
  init(loop, raw);
  raw->data = core;
  return UvOwned<Raw>(raw);
}

/// The core of a handle, alive until the callback is over.
template <class Raw>
std::shared_ptr<AsyncCore> core_of(Raw* raw) {
  return static_cast<AsyncCore*>(raw->data)->shared_from_this();
}

}  // namespace

AsyncCore::AsyncCore(uv_loop_t* loop, AsyncOptions options)
    : loop_(loop),
      options_(std::move(options)),
      in_flight_(options_.in_flight_max, options_.in_flight_bytes_max),
      flushing_(started<uv_prepare_t>(loop, uv_prepare_init, this)),
      timer_(started<uv_timer_t>(loop, uv_timer_init, this)) {
  if (options_.path.empty()) options_.path = default_socket_path();
}

void AsyncCore::send(Request request, Handler done) {
  if (is_closed_) return;
  if (!in_flight_.has_room(request.frame.size())) {
    throw Error(ErrorCode::kOverloaded, "overloaded: too many requests are in flight");
  }
  const auto deadline = deadline_of(request);
  in_flight_.add(std::move(request), std::move(done), deadline);
  uv_prepare_start(flushing_.get(), [](uv_prepare_t* handle) { core_of(handle)->flush(); });
}

void AsyncCore::close() {
  is_closed_ = true;
  flushing_.reset();
  timer_.reset();
  link_.reset();
  fail(in_flight_.give_up(), {Failure::Kind::kClosed, "the client was destroyed"});
}

void AsyncCore::flush() {
  uv_prepare_stop(flushing_.get());
  if (!link_) connect();
  if (link_) send_some();
  watch();
}

void AsyncCore::connect() {
  try {
    if (auto socket = Socket::connect_now(options_.path)) return take_link(*std::move(socket));
  } catch (const ConnectionError& error) {
    connect_until_.reset();
    return fail(in_flight_.give_up(), {Failure::Kind::kClosed, error.what(), error.system_error()});
  }
  if (!connect_until_) connect_until_ = deadline_after(options_.connect_timeout);
  if (Clock::now() < *connect_until_) return;
  connect_until_.reset();
  fail(in_flight_.give_up(), {Failure::Kind::kTimedOut, "cannot connect to " + options_.path +
                                                            ": too many others wait for the daemon"});
}

void AsyncCore::take_link(Socket socket) {
  connect_until_.reset();
  auto* raw = new uv_poll_t;
  if (const int code = uv_poll_init(loop_, raw, socket.fd()); code != 0) {
    delete raw;
    return fail(in_flight_.give_up(), closed_failure(-code));
  }
  raw->data = this;
  link_.emplace(Link{std::move(socket), Receiver(options_.reply_bytes_max), UvOwned<uv_poll_t>(raw)});
}

void AsyncCore::send_some() {
  for (std::size_t all = 0; !link_->end_of_sending && all < kSendBytesMax;) {
    const auto bytes = in_flight_.unsent();
    if (bytes.empty()) return;
    const auto outcome = link_->socket.send(bytes);
    if (const auto* ended = std::get_if<Ended>(&outcome)) {
      link_->end_of_sending = closed_failure(ended->system_error);
      return;
    }
    const auto sent = std::get<Transferred>(outcome).bytes;
    if (sent == 0) return;
    in_flight_.sent(sent);
    all += sent;
  }
}

void AsyncCore::ready(int status, int events) {
  // libuv reports an error of the socket as its own; reading tells which, behind what has come before it.
  if (status != 0) {
    while (receive()) continue;
  } else if ((events & UV_READABLE) != 0) {
    receive();
  }
  if (is_closed_) return;
  if (link_ && status != 0) link_ended(closed_failure(0));
  if (link_) send_some();
  watch();
}

bool AsyncCore::receive() {
  const auto outcome = link_->receiver.receive_some(link_->socket);
  for (;;) {
    auto arrived = link_->receiver.next();
    if (std::holds_alternative<NothingYet>(arrived)) break;
    if (!take(arrived)) return false;
  }
  if (const auto* received = std::get_if<Transferred>(&outcome)) return received->bytes > 0;
  link_ended(link_->end_of_sending.value_or(*end_of(outcome)));
  return false;
}

bool AsyncCore::take(Arrived& arrived) {
  if (auto* answered = std::get_if<Answered>(&arrived)) {
    return take_answer(*answered);
  } else if (auto* refused = std::get_if<Refused>(&arrived)) {
    link_.reset();
    const auto error = std::make_exception_ptr(std::move(refused->error));
    for (auto& due : in_flight_.give_up()) settled_.push_back({std::move(due.done), Reply(error)});
    call_settled();
    return false;
  } else if (auto* failure = std::get_if<Failure>(&arrived)) {
    link_ended(std::move(*failure));
    return false;
  }
  return !is_closed_;
}

bool AsyncCore::take_answer(Answered& answered) {
  auto request = in_flight_.answered(answered.id);
  if (!request) {
    link_ended(broken_failure("the daemon answered a request that was not sent"));
    return false;
  }
  const bool is_last =
      !request->was_whole || (request->frame_bytes >= kFrameBytesMaxLeast &&
                              may_end_connection(answered.answer) && !in_flight_.awaits_answer());
  auto* error = std::get_if<ServerError>(&answered.answer);
  Reply reply = error ? Reply(std::make_exception_ptr(std::move(*error)))
                      : Reply(std::get<std::string>(std::move(answered.answer)));
  if (is_last) {
    settled_.push_back({std::move(request->done), std::move(reply)});
    link_ended(closed_failure(0));
    return false;
  }
  call(request->done, reply);
  return !is_closed_;
}

void AsyncCore::link_ended(Failure failure) {
  link_.reset();
  fail(in_flight_.disconnected(), std::move(failure));
  if (!is_closed_ && in_flight_.has_unsent()) {
    uv_prepare_start(flushing_.get(), [](uv_prepare_t* handle) { core_of(handle)->flush(); });
  }
}

void AsyncCore::tick() {
  timer_fires_ = Deadline::max();
  fail(in_flight_.expired(Clock::now()), {Failure::Kind::kTimedOut, "the daemon did not answer in time"});
  if (is_closed_) return;
  if (connect_until_) {
    flush();
  } else {
    watch();
  }
}

void AsyncCore::watch() {
  if (is_closed_) return;
  watch_link();
  watch_time();
}

void AsyncCore::watch_link() {
  if (!link_) return;
  const bool is_sending = in_flight_.has_unsent() && !link_->end_of_sending;
  const int events = UV_READABLE | (is_sending ? UV_WRITABLE : 0);
  auto* poll = link_->poll.get();
  if (events != link_->events) {
    link_->events = events;
    uv_poll_start(poll, events,
                  [](uv_poll_t* handle, int status, int now) { core_of(handle)->ready(status, now); });
  }
  auto* handle = reinterpret_cast<uv_handle_t*>(poll);
  in_flight_.size() > 0 ? uv_ref(handle) : uv_unref(handle);
}

// The timer may fire earlier than anything is due: that is cheaper than to set it for each request.
void AsyncCore::watch_time() {
  auto next = in_flight_.next_deadline();
  if (!next) {
    uv_timer_stop(timer_.get());
    timer_fires_ = Deadline::max();
    return;
  }
  if (connect_until_) next = std::min(*next, Clock::now() + kConnectAgain);
  if (timer_fires_ <= *next) return;
  timer_fires_ = *next;
  uv_timer_start(
      timer_.get(), [](uv_timer_t* handle) { core_of(handle)->tick(); },
      static_cast<std::uint64_t>(time_left(*next).count()), 0);
}

void AsyncCore::fail(std::vector<InFlight::Due> due, Failure failure) {
  for (auto& each : due) {
    failure.nothing_sent = !each.may_have_run;
    settled_.push_back({std::move(each.done), Reply(exception_of(failure))});
  }
  call_settled();
}

// One that destroys the client gets all others called before that returns: close() comes here too.
void AsyncCore::call_settled() {
  while (!settled_.empty()) {
    const Settled next = std::move(settled_.front());
    settled_.pop_front();
    call(next.done, next.reply);
  }
}

Deadline AsyncCore::deadline_of(const Request& request) const {
  const auto time = request.is_slow ? options_.slow_request_timeout : options_.request_timeout;
  return deadline_after(std::min(time, kWaitMax) + std::min(request.wait, kWaitMax));
}

void send(AsyncCore& core, Request request, Handler done) { core.send(std::move(request), std::move(done)); }

}  // namespace pannier::detail

namespace pannier {

AsyncClient::AsyncClient(uv_loop_s* loop, AsyncOptions options)
    : core_(std::make_shared<detail::AsyncCore>(loop, std::move(options))) {}

AsyncClient::~AsyncClient() { core_->close(); }

std::size_t AsyncClient::in_flight() const noexcept { return core_->in_flight(); }
std::uint64_t AsyncClient::next_id() { return core_->next_id(); }

}  // namespace pannier
