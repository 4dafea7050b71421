#include "pannier/subscription.h"

#include <algorithm>
#include <utility>

#include "client/round_trip.h"
#include "client/subscription_channel.h"
#include "pannier/detail/result.h"

namespace pannier {

Subscription::Subscription(std::unique_ptr<Channel> channel) noexcept : channel_(std::move(channel)) {}
Subscription::Subscription(Subscription&& other) noexcept = default;
Subscription& Subscription::operator=(Subscription&& other) noexcept = default;
Subscription::~Subscription() = default;

std::optional<Invalidation> Subscription::next(std::chrono::milliseconds timeout) {
  const auto deadline = detail::deadline_after(timeout);
  while (channel_->heard.empty()) {
    if (!channel_->hear(deadline)) return std::nullopt;
  }
  auto change = std::move(channel_->heard.front());
  channel_->heard.pop_front();
  return change;
}

std::uint64_t Subscription::add(std::string_view cache, const SubscribeOptions& options) {
  const auto request = detail::prefix_request(channel_->pool->next_id(), "subscribe", cache, options.prefix);
  const auto sequence = detail::read_sequence(channel_->ask(request));
  // A cache that was subscribed goes on counting: notifications from before may still wait to be heard.
  channel_->sequences.try_emplace(std::string(cache), sequence);
  return sequence;
}

bool Subscription::remove(std::string_view cache) {
  const auto request = detail::cache_request(channel_->pool->next_id(), "unsubscribe", cache);
  const bool was_subscribed = detail::read_flag(channel_->ask(request));
  // Whatever has arrived is from before; a subscription to the same cache later on counts anew.
  while (channel_->hear(detail::deadline_after({}))) continue;
  channel_->sequences.erase(std::string(cache));
  return was_subscribed;
}

std::optional<std::string> Subscription::get_raw(std::string_view cache, std::string_view key) {
  return detail::read_value(channel_->ask(detail::get_request(channel_->pool->next_id(), cache, key, false)));
}

std::string Subscription::Channel::ask(const detail::Request& request) {
  if (!connection) end({detail::Failure::Kind::kClosed, "the subscription is over", 0, true});
  try {
    return detail::round_trip_on(*connection, request, detail::deadline_of(request, pool->options()));
  } catch (const TransportError&) {
    connection.reset();
    throw;
  }
}

bool Subscription::Channel::hear(detail::Deadline deadline) {
  if (!connection) end({detail::Failure::Kind::kClosed, "the subscription is over", 0, true});
  const auto notified = connection->next_notification(deadline);
  const bool has_lost = connection->lost_notifications();
  if (has_lost) {
    for (const auto& [cache, sequence] : sequences) heard.push_back({cache, std::nullopt, sequence});
  }
  if (const auto* params = std::get_if<std::string>(&notified)) {
    take(detail::read_invalidation(*params));
    return true;
  }
  const auto& failure = std::get<detail::Failure>(notified);
  if (failure.kind != detail::Failure::Kind::kTimedOut) end(failure);
  return has_lost;
}

// A gap in the sequence means that what was in between is lost.
void Subscription::Channel::take(Invalidation change) {
  const auto known = sequences.find(change.cache);
  if (known == sequences.end()) return;
  if (change.sequence > known->second + 1) change.keys = std::nullopt;
  known->second = std::max(known->second, change.sequence);
  heard.push_back(std::move(change));
}

void Subscription::Channel::end(const detail::Failure& failure) {
  connection.reset();
  detail::throw_failure(failure);
}

}  // namespace pannier
