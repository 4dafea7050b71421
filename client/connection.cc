#include "client/connection.h"

#include <algorithm>
#include <utility>

#include "client/process.h"

namespace pannier::detail {

namespace {

Failure timed_out() { return {Failure::Kind::kTimedOut, "the daemon did not answer in time"}; }

Failure forked() {
  return {Failure::Kind::kForked, "this connection belongs to the parent process", 0, true};
}

}  // namespace

struct Connection::Exchange {
  std::string_view unsent;
  std::span<const std::uint64_t> ids;
  std::span<std::optional<Answer>> answers;
  std::size_t missing;
  /// The daemon takes no more requests; it may still have answered.
  std::optional<Failure> end_of_sending = std::nullopt;

  bool is_sending() const { return !unsent.empty() && !end_of_sending; }
  std::optional<Answer>* find(std::uint64_t id) {
    const auto found = std::lower_bound(ids.begin(), ids.end(), id);
    if (found == ids.end() || *found != id) return nullptr;
    return &answers[static_cast<std::size_t>(found - ids.begin())];
  }
  Failure refuse_all(const ServerError& error) {
    for (auto& answer : answers) {
      if (!answer) answer = error;
    }
    missing = 0;
    return broken_failure("the daemon closed the connection: " + std::string(error.what()));
  }
};

Connection::Connection(Socket socket, std::size_t reply_bytes_max)
    : socket_(std::move(socket)), owner_(process_id()), receiver_(reply_bytes_max) {}

bool Connection::is_inherited() const { return process_id() != owner_; }

std::optional<Failure> Connection::exchange(std::string_view frames, std::span<const std::uint64_t> ids,
                                            std::span<std::optional<Answer>> answers, Deadline deadline) {
  if (is_inherited()) return forked();
  Exchange exchange{frames, ids, answers, ids.size()};
  while (exchange.missing > 0) {
    send_some(exchange);
    if (!socket_.wait(exchange.is_sending() ? WaitFor::kInputOrRoom : WaitFor::kInput, deadline)) {
      auto failure = timed_out();
      failure.nothing_sent = exchange.unsent.size() == frames.size();
      return failure;
    }
    auto end = end_of(receiver_.receive_some(socket_));
    if (auto failure = take_messages(exchange)) return failure;
    if (end && exchange.missing > 0) {
      if (exchange.end_of_sending) end = exchange.end_of_sending;
      end->nothing_sent = exchange.unsent.size() == frames.size();
      return end;
    }
  }
  return std::nullopt;
}

bool Connection::send_now(std::string_view frame) {
  if (is_inherited()) return false;
  const auto outcome = socket_.send(frame);
  const auto* sent = std::get_if<Transferred>(&outcome);
  return sent && sent->bytes == frame.size();
}

std::vector<int> Connection::peek_descriptors(Deadline deadline) {
  if (is_inherited()) return {};
  while (socket_.wait(WaitFor::kInput, deadline)) {
    if (auto descriptors = socket_.peek_descriptors()) return *std::move(descriptors);
  }
  return {};
}

Notified Connection::next_notification(Deadline deadline) {
  if (is_inherited()) return forked();
  Exchange none{{}, {}, {}, 0};
  std::optional<Failure> end;
  for (;;) {
    if (auto failure = take_messages(none)) return *failure;
    if (!notifications_.empty()) break;
    if (end) return *end;
    if (!socket_.wait(WaitFor::kInput, deadline)) return timed_out();
    end = end_of(receiver_.receive_some(socket_));
  }
  std::string oldest = std::move(notifications_.front());
  notifications_.pop_front();
  return oldest;
}

bool Connection::lost_notifications() { return std::exchange(lost_notifications_, false); }

// Sends what the socket takes at the moment. That the daemon takes no more is no failure yet: its last words
// may wait.
void Connection::send_some(Exchange& exchange) {
  while (exchange.is_sending()) {
    const auto outcome = socket_.send(exchange.unsent);
    if (const auto* ended = std::get_if<Ended>(&outcome)) {
      exchange.end_of_sending = closed_failure(ended->system_error);
      break;
    }
    const std::size_t sent = std::get<Transferred>(outcome).bytes;
    if (sent == 0) break;
    exchange.unsent.remove_prefix(sent);
  }
}

// A Failure: nothing of what follows can be understood, or nothing follows.
std::optional<Failure> Connection::take_messages(Exchange& exchange) {
  for (;;) {
    auto arrived = receiver_.next();
    if (std::holds_alternative<NothingYet>(arrived)) return std::nullopt;
    if (auto* failure = std::get_if<Failure>(&arrived)) return std::move(*failure);
    if (const auto* notice = std::get_if<Notice>(&arrived)) keep_notification(notice->params);
    if (const auto* refused = std::get_if<Refused>(&arrived)) return exchange.refuse_all(refused->error);
    if (auto* answered = std::get_if<Answered>(&arrived)) {
      auto* answer = exchange.find(answered->id);
      if (!answer || *answer) return broken_failure("the daemon answered a request that was not sent");
      may_be_ending_ = may_be_ending_ || may_end_connection(answered->answer);
      *answer = std::move(answered->answer);
      --exchange.missing;
    }
  }
}

void Connection::keep_notification(std::string_view params) {
  if (!keeps_notifications_) return;
  if (notifications_.size() == kNotificationsMax) {
    notifications_.clear();
    lost_notifications_ = true;
  }
  notifications_.emplace_back(params);
}

}  // namespace pannier::detail
