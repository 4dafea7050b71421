#include "daemon/subscriptions.h"

#include <set>

#include "protocol/writer.h"

namespace pannier::daemon {

std::optional<std::uint64_t> Subscriptions::subscribe(ConnectionId connection, std::string_view cache,
                                                      std::string_view prefix) {
  const Name name(cache, connection);
  const auto found = subscriptions_.find(name);
  const bool is_new = found == subscriptions_.end();
  const auto books = connections_.find(connection);
  const OfConnection before = books == connections_.end() ? OfConnection() : books->second;
  const std::size_t prefix_bytes =
      before.prefix_bytes + prefix.size() - (is_new ? 0 : found->second.prefix.size());
  if (prefix_bytes > kPrefixBytesMax) return std::nullopt;
  if (is_new && before.subscriptions >= limits_.subscriptions_max) return std::nullopt;
  connections_[connection] = {before.subscriptions + (is_new ? 1 : 0), prefix_bytes};
  Subscription& subscription = is_new ? subscriptions_[name] : found->second;
  subscription.prefix = prefix;
  return subscription.sequence;
}

bool Subscriptions::unsubscribe(ConnectionId connection, std::string_view cache) {
  const auto found = subscriptions_.find(Name(cache, connection));
  if (found == subscriptions_.end()) return false;
  const auto books = connections_.find(connection);
  books->second.prefix_bytes -= found->second.prefix.size();
  subscriptions_.erase(found);
  if (--books->second.subscriptions == 0) connections_.erase(books);
  return true;
}

std::uint64_t Subscriptions::sequence(ConnectionId connection, std::string_view cache) const {
  if (!connections_.contains(connection)) return 0;
  const auto found = subscriptions_.find(Name(cache, connection));
  return found == subscriptions_.end() ? 0 : found->second.sequence;
}

void Subscriptions::changed(std::string_view cache, std::string_view key) {
  if (subscriptions_.empty()) return;
  for (auto one = subscriptions_.lower_bound(Name(cache, 0));
       one != subscriptions_.end() && one->first.first == cache; ++one) {
    if (key.starts_with(one->second.prefix)) tell(one->first, one->second, key);
  }
}

void Subscriptions::changed_all(std::string_view cache, std::string_view prefix) {
  for (auto one = subscriptions_.lower_bound(Name(cache, 0));
       one != subscriptions_.end() && one->first.first == cache; ++one) {
    const std::string& watched = one->second.prefix;
    if (watched.starts_with(prefix) || prefix.starts_with(watched))
      tell(one->first, one->second, std::nullopt);
  }
}

void Subscriptions::drained(ConnectionId connection) {
  if (!connections_.contains(connection)) return;
  for (auto& [name, subscription] : subscriptions_) {
    if (name.second != connection || !subscription.has_lost) continue;
    subscription.has_lost = false;
    tell(name, subscription, std::nullopt);
  }
}

void Subscriptions::closed(ConnectionId connection) {
  if (connections_.erase(connection) == 0) return;
  std::erase_if(subscriptions_, [&](const auto& one) { return one.first.second == connection; });
}

std::vector<ConnectionId> Subscriptions::without_right(
    const std::function<bool(ConnectionId, std::string_view cache)>& may_read) const {
  std::set<ConnectionId> found;
  for (const auto& [name, subscription] : subscriptions_) {
    if (!may_read(name.second, name.first)) found.insert(name.second);
  }
  return {found.begin(), found.end()};
}

void Subscriptions::tell(const Name& name, Subscription& subscription, std::optional<std::string_view> key) {
  ++subscription.sequence;
  std::string* output = outbox_.output(name.second);
  if (output == nullptr) return;
  if (subscription.has_lost || outbox_.unsent_bytes(name.second) > limits_.unsent_bytes_max) {
    subscription.has_lost = true;
    return;
  }
  protocol::Writer writer(*output);
  writer.notification_start("invalidate");
  writer.array(3);
  writer.string(name.first);
  if (key) {
    writer.array(1);
    writer.key(*key);
  } else {
    writer.nil();
  }
  writer.unsigned_integer(subscription.sequence);
}

}  // namespace pannier::daemon
