#include "pannier/client.h"

#include <utility>

#include "client/lease_held.h"
#include "client/pipeline_batch.h"
#include "client/round_trip.h"
#include "client/subscription_channel.h"
#include "pannier/detail/request.h"
#include "pannier/detail/result.h"

namespace pannier {

using detail::round_trip;

namespace {

using Values = std::vector<std::optional<std::string>>;

Values get_many_asking(detail::Pool& pool, std::string_view cache, const KeyList& keys) {
  auto values = detail::read_values(
      round_trip(pool, detail::key_list_request(pool.next_id(), "get_many", cache, keys)));
  if (values.size() != keys.size())
    throw ProtocolError("the daemon answered another number of values than keys");
  return values;
}

}  // namespace

std::string_view library_version() { return PANNIER_VERSION; }

Client::Client(ClientOptions options) : pool_(std::make_shared<detail::Pool>(std::move(options))) {}
Client::Client(Client&& other) noexcept = default;
Client& Client::operator=(Client&& other) noexcept = default;
Client::~Client() = default;

void Client::ping() { round_trip(*pool_, detail::plain_request(pool_->next_id(), "ping")); }

ServerHello Client::hello() {
  const auto& name = pool_->options().client_name;
  return detail::read_hello(
      round_trip(*pool_, detail::hello_request(pool_->next_id(), name, library_version())));
}

Info Client::info() {
  return detail::read_info(round_trip(*pool_, detail::plain_request(pool_->next_id(), "info")));
}

CacheInfo Client::info(std::string_view cache) {
  return detail::read_cache_info(round_trip(*pool_, detail::cache_request(pool_->next_id(), "info", cache)));
}

bool Client::open(std::string_view cache, const CacheSettings& settings) {
  return detail::read_flag(round_trip(*pool_, detail::open_request(pool_->next_id(), cache, settings)));
}

bool Client::drop(std::string_view cache) {
  return detail::read_flag(round_trip(*pool_, detail::cache_request(pool_->next_id(), "drop", cache)));
}

std::uint64_t Client::clear(std::string_view cache, std::string_view prefix) {
  return detail::read_count(
      round_trip(*pool_, detail::prefix_request(pool_->next_id(), "clear", cache, prefix)));
}

SyncResult Client::sync() {
  return detail::read_sync(round_trip(*pool_, detail::plain_request(pool_->next_id(), "sync")));
}

SyncResult Client::sync(std::string_view cache) {
  return detail::read_sync(round_trip(*pool_, detail::cache_request(pool_->next_id(), "sync", cache)));
}

std::optional<std::string> Client::get_raw(std::string_view cache, std::string_view key) {
  if (auto value = pool_->shared().value(cache, key)) return value;
  return detail::read_value(round_trip(*pool_, detail::get_request(pool_->next_id(), cache, key, false)));
}

std::optional<Entry<std::string>> Client::get_entry_raw(std::string_view cache, std::string_view key) {
  if (auto found = read_shared(cache, key)) return found;
  return detail::read_entry(round_trip(*pool_, detail::get_request(pool_->next_id(), cache, key, true)));
}

std::optional<Entry<std::string>> Client::read_shared(std::string_view cache, std::string_view key,
                                                      Sighting* sighting, const SharedReadOptions& options) {
  return pool_->shared().entry(cache, key, sighting, options);
}

std::vector<std::optional<std::string>> Client::read_shared_many(std::string_view cache, const KeyList& keys,
                                                                 const SharedReadOptions& options) {
  return pool_->shared().values(cache, keys, options);
}

bool Client::is_current(const Sighting& sighting) { return pool_->shared().is_current(sighting); }

std::vector<std::optional<std::string>> Client::get_many_raw(std::string_view cache, const KeyList& keys) {
  Values values = read_shared_many(cache, keys);
  std::vector<std::string_view> missing;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!values[i]) missing.push_back(keys.begin()[i]);
  }
  // Of no keys at all, the daemon knows whether there is the cache.
  if (missing.empty() && keys.size() > 0) return values;
  auto asked = get_many_asking(*pool_, cache, missing);
  std::size_t next = 0;
  for (auto& value : values) {
    if (!value) value = std::move(asked[next++]);
  }
  return values;
}

std::optional<Version> Client::put_raw(std::string_view cache, std::string_view key, std::string_view packed,
                                       const PutOptions& options) {
  return detail::read_version(
      round_trip(*pool_, detail::put_request(pool_->next_id(), cache, key, packed, options)));
}

std::vector<Version> Client::put_many_raw(std::string_view cache, const PackedEntries& entries,
                                          const PutManyOptions& options) {
  return detail::read_versions(
      round_trip(*pool_, detail::put_many_request(pool_->next_id(), cache, entries, options)));
}

bool Client::erase(std::string_view cache, std::string_view key, const EraseOptions& options) {
  return detail::read_flag(round_trip(*pool_, detail::delete_request(pool_->next_id(), cache, key, options)));
}

std::uint64_t Client::erase_many(std::string_view cache, const KeyList& keys) {
  return detail::read_count(
      round_trip(*pool_, detail::key_list_request(pool_->next_id(), "delete_many", cache, keys)));
}

bool Client::touch(std::string_view cache, std::string_view key, Ttl ttl) {
  return detail::read_flag(round_trip(*pool_, detail::touch_request(pool_->next_id(), cache, key, ttl)));
}

std::int64_t Client::increment(std::string_view cache, std::string_view key, std::int64_t delta,
                               const IncrementOptions& options) {
  return detail::read_integer(
      round_trip(*pool_, detail::increment_request(pool_->next_id(), cache, key, delta, options)));
}

KeysPage Client::keys(std::string_view cache, const KeysOptions& options) {
  return detail::read_keys_page(round_trip(*pool_, detail::keys_request(pool_->next_id(), cache, options)));
}

void Client::each_key(std::string_view cache, std::string_view prefix,
                      const std::function<bool(std::string_view key)>& visit) {
  KeysOptions options{.prefix = prefix};
  do {
    const auto page = keys(cache, options);
    for (const auto& key : page.keys) {
      if (!visit(key)) return;
    }
    options.cursor = page.next;
  } while (options.cursor);
}

LeaseResult<std::string> Client::lease_raw(std::string_view cache, std::string_view key,
                                           const LeaseOptions& options) {
  if (auto value = pool_->shared().value(cache, key)) return {std::move(value), false, std::nullopt};
  auto held = detail::round_trip_held(*pool_, detail::lease_request(pool_->next_id(), cache, key, options));
  auto answer = detail::read_lease(held.result);
  LeaseResult<std::string> result{std::move(answer.value), answer.is_stale, std::nullopt};
  if (answer.token) {
    result.lease = Lease(std::make_unique<Lease::Held>(
        Lease::Held{pool_, std::move(held.connection), std::string(cache), std::string(key), *answer.token}));
  } else {
    pool_->give(std::move(held.connection));
  }
  return result;
}

bool Client::release(std::string_view cache, std::string_view key, Token token) {
  return detail::read_flag(round_trip(*pool_, detail::release_request(pool_->next_id(), cache, key, token)));
}

Pipeline Client::pipeline() { return Pipeline(std::make_unique<Pipeline::Batch>(Pipeline::Batch{pool_})); }

Subscription Client::subscribe(std::string_view cache, const SubscribeOptions& options) {
  auto connection = pool_->connect(detail::deadline_after(pool_->options().request_timeout));
  connection->keep_notifications();
  Subscription subscription(std::make_unique<Subscription::Channel>(
      Subscription::Channel{.pool = pool_, .connection = std::move(connection)}));
  subscription.add(cache, options);
  return subscription;
}

std::string Client::call(std::string_view method, std::string_view params) {
  return round_trip(*pool_, detail::raw_request(pool_->next_id(), method, params));
}

}  // namespace pannier
