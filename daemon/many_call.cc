#include "daemon/many_call.h"

#include <algorithm>
#include <array>
#include <span>

#include "daemon/handlers/common.h"

namespace pannier::daemon {

using protocol::Error;
using protocol::ErrorCode;
using storage::TimeMs;

namespace {

/// To read a key takes a fraction of what it takes to look it up.
constexpr std::size_t kReadPerStep = 8'192;
/// Below, nothing is looked at but what each connection may have waiting.
constexpr std::size_t kSmallBytes = std::size_t{64} << 10;

}  // namespace

class ManyCall::KeyPart final : public KeyOperation {
 public:
  KeyPart(std::shared_ptr<ManyCall> whole, std::size_t index) : whole_(std::move(whole)), index_(index) {}

  bool attempt(TimeMs now) override {
    storage::Cache& cache = *whole_->cache();
    if (whole_->run(cache, index_, cache.hashed(whole_->key(index_)), now) == Part::kCold) return false;
    whole_->part_done();
    return true;
  }
  void fail(const Error& error) override {
    whole_->fail(error);
    whole_->part_done();
  }

 private:
  std::shared_ptr<ManyCall> whole_;
  std::size_t index_;
};

ManyCall::ManyCall(Service& service, const Call& call, std::string_view method, std::size_t done)
    : service_(service),
      from_(call.from),
      method_(method),
      bytes_(service.outbox, call.from.connection, call.params),
      params_(method, bytes_.bytes(), service.limits),
      ticket_(service.waits.take(call.from.connection, bytes_.bytes().size())),
      next_(done) {
  ++service_.many_calls;
}

ManyCall::~ManyCall() { --service_.many_calls; }

void ManyCall::start(TimeMs now) {
  if (bytes_.bytes().size() > kSmallBytes) fail_if_too_much_is_held();
  if (error_) return refuse(*error_);
  name_ = params_.cache_name();
  items_ = read_items(params_);
  keys_.reserve(items_);
  hold(static_cast<std::int64_t>(items_ * sizeof(std::string_view)));
  const TimeMs again = step(now);
  if (again == storage::kNever) return;
  ticket_->keep_order(true);
  service_.background.add(again, shared_from_this());
}

TimeMs ManyCall::step(TimeMs now) {
  step_bytes_ = 0;
  switch (phase_) {
    case Phase::kReading:
      read_some();
      if (ticket_ == nullptr) return storage::kNever;
      if (phase_ == Phase::kReading || size() > kVisitsPerStep) return now;
      [[fallthrough]];
    case Phase::kRunning:
      run_some(now);
      return next_ < size() ? now : storage::kNever;
    case Phase::kAnswering:
      answer_or_go_on();
      break;
  }
  return storage::kNever;
}

void ManyCall::read_some() {
  const std::size_t enough = std::min<std::size_t>(items_, keys_.size() + kReadPerStep);
  while (keys_.size() < enough && !params_.has_fault()) keys_.push_back(read_item(params_));
  if (keys_.size() == items_ || params_.has_fault()) read_rest();
}

void ManyCall::read_rest() {
  read_options(params_);
  if (const auto fault = params_.fault()) return refuse(*fault);
  storage::Cache* const cache = service_.catalog.find(name_);
  if (cache == nullptr) return refuse(unknown_cache(name_));
  if (const auto refused = refusal(*cache)) return refuse(*refused);
  cache_ = cache->id();
  left_ = size() - next_ + 1;
  phase_ = Phase::kRunning;
}

void ManyCall::run_some(TimeMs now) {
  storage::Cache* const cache = this->cache();
  if (cache == nullptr) give_up(dropped_meanwhile());
  if (service_.is_hurrying) give_up({ErrorCode::kShuttingDown, "the daemon is stopping"});
  const std::size_t enough = std::min(size(), next_ + kVisitsPerStep);
  while (next_ < enough && step_bytes_ < kBytesPerStep) run_together(*cache, now);
  if (next_ < size()) return;
  if (is_postponed_) ticket_->keep_order(false);
  part_done();  // the one that kept it from answering before all had their turn
}

void ManyCall::run_together(storage::Cache& cache, TimeMs now) {
  std::array<FetchedKey, kTogether> together;
  const std::span fetched(together.begin(), std::min(kTogether, size() - next_));
  for (std::size_t i = 0; i < fetched.size(); ++i) fetched[i] = FetchedKey::of(cache, keys_[next_ + i]);
  storage::prefetch_all(fetched);
  for (const auto& one : fetched) {
    run_or_park(cache, one.key, now);
    if (step_bytes_ >= kBytesPerStep) return;
  }
}

void ManyCall::run_or_park(storage::Cache& cache, const storage::HashedKey& key, TimeMs now) {
  const std::size_t index = next_++;
  const bool is_waited_for = service_.cold_keys.is_waited_for(cache.id(), key.key);
  if (!is_waited_for && run(cache, index, key, now) == Part::kDone) return part_done();
  is_postponed_ = true;
  postponed(index);
  auto part = std::make_unique<KeyPart>(shared_from_this(), index);
  if (const auto refused = service_.cold_keys.park({cache.id(), std::string(key.key)}, std::move(part))) {
    fail(*refused);
    part_done();
  }
}

void ManyCall::fail(const Error& error) {
  if (!error_) error_ = error;
}

void ManyCall::fail_if_too_much_is_held() {
  const std::uint64_t held = service_.waits.bytes();
  if (held <= service_.limits.buffer_bytes_max) return;
  fail({ErrorCode::kOverloaded, std::string(method_) + ": requests that wait hold " + std::to_string(held) +
                                    " bytes, the limit (max_buffers) is " +
                                    std::to_string(service_.limits.buffer_bytes_max) + "; try again later"});
}

void ManyCall::give_up(const Error& error) {
  fail(error);
  left_ -= size() - next_;
  next_ = size();
}

void ManyCall::part_done() {
  if (--left_ > 0) return;
  if (error_) return refuse(*error_);
  phase_ = Phase::kAnswering;
  answer_or_go_on();
}

void ManyCall::answer_or_go_on() {
  const Waited waited = is_postponed_ ? Waited::kRead : Waited::kNothing;
  const Sight::Scope scope(service_.sight, from_, bytes_.bytes(), waited);
  if (answer()) return end();
  ticket_->keep_order(!is_postponed_);
  service_.background.add(service_.clock.now(), shared_from_this());
}

void ManyCall::refuse(const Error& error) {
  const Sight::Scope scope(service_.sight, from_, bytes_.bytes());
  service_.replies.error(from_, error);
  end();
}

void ManyCall::end() { ticket_.reset(); }

}  // namespace pannier::daemon
