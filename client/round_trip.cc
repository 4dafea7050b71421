#include "client/round_trip.h"

#include <utility>

#include "pannier/error.h"

namespace pannier::detail {

namespace {

std::string result_of(Answer answer) {
  if (auto* error = std::get_if<ServerError>(&answer)) throw std::move(*error);
  return std::get<std::string>(std::move(answer));
}

bool may_go_again(const Failure& failure, const Request& request) {
  return failure.kind == Failure::Kind::kClosed && (failure.nothing_sent || request.is_repeatable);
}

struct Attempt {
  std::optional<Answer> answer;
  std::optional<Failure> failure;
};

Attempt attempt(Connection& connection, const Request& request, Deadline deadline,
                std::optional<std::string_view> unsent = std::nullopt) {
  Attempt made;
  made.failure =
      connection.exchange(unsent.value_or(request.frame), {&request.id, 1}, {&made.answer, 1}, deadline);
  return made;
}

struct Answered {
  Answer answer;
  Pool::Loan loan;
};

// An answer may come with a failure: the daemon answered and closed. The loan is then not to be kept.
Answered answer_to(Pool& pool, const Request& request, Place place) {
  const Deadline deadline = deadline_of(request, pool.options());
  {
    auto loan = pool.lend(place, deadline);
    auto first = attempt(*loan, request, deadline);
    if (!first.failure) loan.keep();
    if (first.answer) return {*std::move(first.answer), std::move(loan)};
    if (!may_go_again(*first.failure, request)) throw_failure(*first.failure);
  }
  auto loan = pool.lend_new(place, deadline);
  auto second = attempt(*loan, request, deadline);
  if (!second.failure) loan.keep();
  if (!second.answer) throw_failure(*second.failure);
  return {*std::move(second.answer), std::move(loan)};
}

}  // namespace

Deadline deadline_of(const Request& request, const ClientOptions& options) {
  const auto time = request.is_slow ? options.slow_request_timeout : options.request_timeout;
  return deadline_after(std::min(time, kWaitMax) + std::min(request.wait, kWaitMax));
}

std::string round_trip(Pool& pool, const Request& request) {
  return result_of(answer_to(pool, request, Place::kCounted).answer);
}

HeldResult round_trip_held(Pool& pool, const Request& request) {
  auto answered = answer_to(pool, request, Place::kBeyond);
  return {result_of(std::move(answered.answer)), answered.loan.take()};
}

std::string round_trip_on(Connection& connection, const Request& request, Deadline deadline) {
  auto made = attempt(connection, request, deadline);
  if (!made.answer) throw_failure(*made.failure);
  return result_of(*std::move(made.answer));
}

std::string await_answer(Connection& connection, const Request& request, Deadline deadline) {
  auto made = attempt(connection, request, deadline, std::string_view());
  if (!made.answer) throw_failure(*made.failure);
  return result_of(*std::move(made.answer));
}

void throw_failure(const Failure& failure) {
  switch (failure.kind) {
    case Failure::Kind::kTimedOut:
      throw TimeoutError(failure.text, !failure.nothing_sent);
    case Failure::Kind::kBroken:
      throw ProtocolError(failure.text);
    case Failure::Kind::kClosed:
    case Failure::Kind::kForked:
      break;
  }
  throw ConnectionError(failure.text, failure.system_error, !failure.nothing_sent);
}

std::exception_ptr exception_of(const Failure& failure) {
  try {
    throw_failure(failure);
  } catch (...) {
    return std::current_exception();
  }
}

}  // namespace pannier::detail
