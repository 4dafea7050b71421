#include "pannier/pipeline.h"

#include <optional>
#include <utility>

#include "client/pipeline_batch.h"
#include "client/round_trip.h"
#include "pannier/detail/result.h"

namespace pannier {

namespace {

using Answers = std::vector<std::optional<detail::Answer>>;

Reply reply_of(detail::Answer& answer) {
  if (auto* error = std::get_if<ServerError>(&answer))
    return Reply(std::make_exception_ptr(std::move(*error)));
  return Reply(std::get<std::string>(std::move(answer)));
}

// What was not answered holds `failure`; some of it may have reached the daemon.
std::vector<Reply> replies_of(Answers answers, std::optional<detail::Failure> failure) {
  std::exception_ptr unanswered = failure ? detail::exception_of(*failure) : nullptr;
  std::vector<Reply> replies;
  replies.reserve(answers.size());
  for (auto& answer : answers) {
    replies.push_back(answer ? reply_of(*answer) : Reply(unanswered));
  }
  return replies;
}

bool has_any(const Answers& answers) {
  for (const auto& answer : answers) {
    if (answer) return true;
  }
  return false;
}

}  // namespace

const std::string& Reply::result() const {
  check();
  return std::get<std::string>(outcome_);
}

void Reply::check() const {
  if (const auto* error = std::get_if<std::exception_ptr>(&outcome_)) std::rethrow_exception(*error);
}

std::optional<std::string> Reply::value_raw() const { return detail::read_value(result()); }
std::vector<std::optional<std::string>> Reply::values_raw() const { return detail::read_values(result()); }
std::optional<Version> Reply::version() const { return detail::read_version(result()); }
bool Reply::flag() const { return detail::read_flag(result()); }
std::uint64_t Reply::count() const { return detail::read_count(result()); }
std::int64_t Reply::integer() const { return detail::read_integer(result()); }

Pipeline::Pipeline(std::unique_ptr<Batch> batch) noexcept : batch_(std::move(batch)) {}
Pipeline::Pipeline(Pipeline&& other) noexcept = default;
Pipeline& Pipeline::operator=(Pipeline&& other) noexcept = default;
Pipeline::~Pipeline() = default;

Pipeline& Pipeline::get(std::string_view cache, std::string_view key) {
  batch_->add(detail::get_request(batch_->pool->next_id(), cache, key, false));
  return *this;
}

Pipeline& Pipeline::get_many(std::string_view cache, const KeyList& keys) {
  batch_->add(detail::key_list_request(batch_->pool->next_id(), "get_many", cache, keys));
  return *this;
}

Pipeline& Pipeline::put_raw(std::string_view cache, std::string_view key, std::string_view packed,
                            const PutOptions& options) {
  batch_->add(detail::put_request(batch_->pool->next_id(), cache, key, packed, options));
  return *this;
}

Pipeline& Pipeline::erase(std::string_view cache, std::string_view key, const EraseOptions& options) {
  batch_->add(detail::delete_request(batch_->pool->next_id(), cache, key, options));
  return *this;
}

Pipeline& Pipeline::erase_many(std::string_view cache, const KeyList& keys) {
  batch_->add(detail::key_list_request(batch_->pool->next_id(), "delete_many", cache, keys));
  return *this;
}

Pipeline& Pipeline::touch(std::string_view cache, std::string_view key, Ttl ttl) {
  batch_->add(detail::touch_request(batch_->pool->next_id(), cache, key, ttl));
  return *this;
}

Pipeline& Pipeline::increment(std::string_view cache, std::string_view key, std::int64_t delta,
                              const IncrementOptions& options) {
  batch_->add(detail::increment_request(batch_->pool->next_id(), cache, key, delta, options));
  return *this;
}

Pipeline& Pipeline::call(std::string_view method, std::string_view params) {
  batch_->add(detail::raw_request(batch_->pool->next_id(), method, params));
  return *this;
}

std::size_t Pipeline::size() const noexcept { return batch_->ids.size(); }

std::vector<Reply> Pipeline::run() {
  const auto deadline =
      detail::deadline_of({.id = 0, .frame = {}, .is_slow = batch_->is_slow}, batch_->pool->options());
  Answers answers(size());
  std::optional<detail::Failure> failure;
  for (int attempt = 0; attempt < 2; ++attempt) {
    auto loan = attempt == 0 ? batch_->pool->lend(detail::Place::kCounted, deadline)
                             : batch_->pool->lend_new(detail::Place::kCounted, deadline);
    failure = (*loan).exchange(batch_->frames, batch_->ids, answers, deadline);
    if (!failure) loan.keep();
    if (!failure || !failure->nothing_sent || failure->kind != detail::Failure::Kind::kClosed) break;
  }
  if (failure && failure->nothing_sent && !has_any(answers)) detail::throw_failure(*failure);
  *batch_ = Batch{.pool = batch_->pool};
  return replies_of(std::move(answers), std::move(failure));
}

void Pipeline::Batch::add(const detail::Request& request) {
  frames += request.frame;
  ids.push_back(request.id);
  is_slow = is_slow || request.is_slow;
}

}  // namespace pannier
