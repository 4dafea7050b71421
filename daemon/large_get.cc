#include "daemon/large_get.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "daemon/handlers/common.h"
#include "daemon/large_memory.h"

namespace pannier::daemon {

using protocol::Error;
using storage::TimeMs;

namespace {

/// Up to here a value is given to the kernel and copied at once.
constexpr std::uint64_t kOneStepMax = std::uint64_t{1} << 20;
constexpr std::uint64_t kBytesPerStep = std::uint64_t{512} << 10;
/// The copy that begins for so many times is whole in one step.
constexpr int kBeginningsMax = 3;

void answer_now(Service& service, const Address& to, const storage::Lookup& found) {
  const auto* hit = std::get_if<storage::Hit>(&found);
  hit == nullptr ? service.replies.nil(to) : service.replies.large_value(to, hit->entry.value);
}

/// As the request had them, for those who see it answered.
std::string params_of(Service& service, const CacheKey& key) {
  const storage::Cache* const cache = service.catalog.find(key.cache);
  std::string params;
  protocol::Writer writer(params);
  writer.array(2);
  writer.string(cache == nullptr ? std::string_view() : cache->name());
  writer.string(key.key);
  return params;
}

/// The value has left memory: it is answered when it is back.
class Waiting final : public KeyOperation {
 public:
  Waiting(Service& service, const Address& to, CacheKey key, std::shared_ptr<Waits::Ticket> ticket)
      : service_(service), to_(to), key_(std::move(key)), ticket_(std::move(ticket)) {}

  bool attempt(TimeMs now) override {
    const auto found = service_.catalog.find(key_.cache)->find(key_.key, now);
    if (std::holds_alternative<storage::Cold>(found)) return false;
    const std::string params = params_of(service_, key_);
    const Sight::Scope scope(service_.sight, to_, params, Waited::kRead);
    answer_now(service_, to_, found);
    return true;
  }
  void fail(const Error& error) override { service_.replies.error(to_, error); }

 private:
  Service& service_;
  Address to_;
  CacheKey key_;
  std::shared_ptr<Waits::Ticket> ticket_;
};

class LargeGet final : public BackgroundTask {
 public:
  LargeGet(Service& service, const Address& to, const storage::Cache& cache, std::string_view key)
      : service_(service),
        to_(to),
        key_{cache.id(), std::string(key)},
        asked_(service.clock.now()),
        ticket_(service.waits.take(to.connection, key.size())) {
    ticket_->keep_order(true);
  }

  TimeMs step(TimeMs now) override {
    storage::Cache* const cache = service_.catalog.find(key_.cache);
    if (cache == nullptr) return end([this] { service_.replies.error(to_, dropped_meanwhile()); });
    // What was there when it was asked for may be sent, although it may have expired by now.
    auto found = cache->find(key_.key, asked_);
    if (is_another(found)) found = cache->find(key_.key, asked_ = now);
    if (std::holds_alternative<storage::Cold>(found)) return end([this] { wait(); });
    const auto* hit = std::get_if<storage::Hit>(&found);
    if (hit == nullptr) return end([this] { service_.replies.nil(to_); });
    if (is_another(found)) begin(hit->entry);
    copy(hit->entry.value);
    if (text_.size() < head_bytes_ + hit->entry.value.size()) return now;
    return end([this] { service_.replies.whole(to_, std::move(text_)); });
  }

 private:
  bool is_another(const storage::Lookup& found) const {
    const auto* hit = std::get_if<storage::Hit>(&found);
    return hit != nullptr && hit->entry.version != version_;
  }

  void begin(const storage::EntryView& entry) {
    ++beginnings_;
    version_ = entry.version;
    text_.clear();
    protocol::Writer writer(text_);
    writer.response_start(to_.id);
    writer.array(1);
    head_bytes_ = text_.size();
    const auto before = static_cast<std::int64_t>(text_.capacity());
    text_.reserve(head_bytes_ + entry.value.size());
    ticket_->grow(static_cast<std::int64_t>(text_.capacity()) - before);
    expect_filling({text_.data(), text_.capacity()});
  }

  void copy(const storage::BytesView& value) {
    std::uint64_t done = text_.size() - head_bytes_;
    std::uint64_t left = beginnings_ < kBeginningsMax ? kBytesPerStep : value.size();
    value.for_each_part([&](std::string_view part) {
      const std::uint64_t skipped = std::min<std::uint64_t>(done, part.size());
      done -= skipped;
      const std::string_view copied = part.substr(skipped, left);
      text_.append(copied);
      left -= copied.size();
    });
  }

  void wait() {
    ticket_->grow(-static_cast<std::int64_t>(text_.capacity()));
    ticket_->keep_order(false);
    auto waiting = std::make_unique<Waiting>(service_, to_, key_, std::move(ticket_));
    if (const auto refused = service_.cold_keys.park(key_, std::move(waiting))) {
      service_.replies.error(to_, *refused);
    }
  }

  template <typename Answer>
  TimeMs end(Answer answer) {
    const std::string params = params_of(service_, key_);
    const Sight::Scope scope(service_.sight, to_, params);
    answer();
    ticket_.reset();
    return storage::kNever;
  }

  Service& service_;
  Address to_;
  CacheKey key_;
  TimeMs asked_;
  std::shared_ptr<Waits::Ticket> ticket_;
  storage::Version version_ = 0;  ///< that is being copied; none has 0
  int beginnings_ = 0;
  std::string text_;
  std::size_t head_bytes_ = 0;
};

}  // namespace

void answer_large(Service& service, const Address& to, const storage::Cache& cache, std::string_view key,
                  const storage::EntryView& entry) {
  const std::uint64_t result_bytes = 1 + entry.value.size();
  const bool is_to_be_refused = to.is_notification || result_bytes > service.limits.reply_bytes_max ||
                                service.waits.bytes() + result_bytes > service.limits.buffer_bytes_max;
  if (entry.value.size() <= kOneStepMax || is_to_be_refused) {
    return service.replies.large_value(to, entry.value);
  }
  const auto task = std::make_shared<LargeGet>(service, to, cache, key);
  service.background.add(service.clock.now(), task);
}

}  // namespace pannier::daemon
