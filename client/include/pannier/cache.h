// pannier::Cache: a Client's methods for one cache, without its name. Included by pannier/client.h.
//
//   auto pages = client.cache("lru");                        // Cache<>: text keys, the type at each call
//   pages.put("front", std::string("hello"));
//   auto names = client.cache<std::uint64_t, std::string>("names");   // Cache<Key, Value>: one type of each
//   names.put(7, "Ada", {.ttl = std::chrono::minutes(5)});
//   std::optional<std::string> name = names.get(7);
//
// Keys of a typed cache become bytes as key.h has it, values as value.h has it. A handle is as thread-safe as
// the Client, which has to outlive it; results and errors are those of the Client's methods.
#pragma once

#include <concepts>
#include <type_traits>

#include "pannier/client.h"
#include "pannier/key.h"

namespace pannier {

namespace detail {

/// What does not depend on the types of keys and values.
class CacheHandle {
 public:
  CacheHandle(Client& client, std::string name) : client_(&client), name_(std::move(name)) {}

  Client& client() const noexcept { return *client_; }
  const std::string& name() const noexcept { return name_; }

  bool open(const CacheSettings& settings) const { return client_->open(name_, settings); }
  bool drop() const { return client_->drop(name_); }
  /// `prefix`: of the keys as bytes.
  std::uint64_t clear(std::string_view prefix = {}) const { return client_->clear(name_, prefix); }
  SyncResult sync() const { return client_->sync(name_); }
  CacheInfo info() const { return client_->info(name_); }
  /// Changes are told with the bytes of their keys.
  Subscription subscribe(const SubscribeOptions& options = {}) const {
    return client_->subscribe(name_, options);
  }

 private:
  Client* client_;
  std::string name_;
};

}  // namespace detail

template <class Key, class Value>
class Cache : public detail::CacheHandle {
  static_assert(!std::is_void_v<Value>, "Cache<> is untyped; Cache<Key, Value> has a type for both");

 public:
  using CacheHandle::CacheHandle;

  std::optional<Value> get(const Key& key) const {
    return client().template get<Value>(name(), key_bytes(key));
  }
  std::optional<Entry<Value>> get_entry(const Key& key) const {
    return client().template get_entry<Value>(name(), key_bytes(key));
  }
  std::vector<std::optional<Value>> get_many(const std::vector<Key>& keys) const {
    return client().template get_many<Value>(name(), all_bytes(keys));
  }

  std::optional<Version> put(const Key& key, const Value& value, const PutOptions& options = {}) const {
    return client().put(name(), key_bytes(key), value, options);
  }
  /// `entries`: a std::map<Key, Value>, or another range of pairs of what converts to both.
  template <class Entries>
  std::vector<Version> put_many(const Entries& entries, const PutManyOptions& options = {}) const {
    std::vector<std::pair<std::string, std::string>> packed;
    for (const auto& [key, value] : entries) {
      packed.emplace_back(key_bytes(static_cast<const Key&>(key)), pack(static_cast<const Value&>(value)));
    }
    return client().put_many_raw(name(), PackedEntries(packed.begin(), packed.end()), options);
  }

  bool erase(const Key& key, const EraseOptions& options = {}) const {
    return client().erase(name(), key_bytes(key), options);
  }
  std::uint64_t erase_many(const std::vector<Key>& keys) const {
    return client().erase_many(name(), all_bytes(keys));
  }
  bool touch(const Key& key, Ttl ttl = {}) const { return client().touch(name(), key_bytes(key), ttl); }
  std::int64_t increment(const Key& key, std::int64_t delta = 1,
                         const IncrementOptions& options = {}) const requires std::integral<Value> {
    return client().increment(name(), key_bytes(key), delta, options);
  }

  /// Walks through all keys; `visit` returns whether to go on. UnpackError: one is of another type.
  void each_key(const std::function<bool(const Key& key)>& visit) const {
    client().each_key(name(), {}, [&](std::string_view bytes) { return visit(key_from<Key>(bytes)); });
  }
  LeaseResult<Value> lease(const Key& key, const LeaseOptions& options = {}) const {
    return client().template lease<Value>(name(), key_bytes(key), options);
  }

 private:
  using KeyBytes = decltype(key_bytes(std::declval<const Key&>()));

  static std::vector<KeyBytes> all_bytes(const std::vector<Key>& keys) {
    std::vector<KeyBytes> bytes;
    for (const auto& key : keys) bytes.push_back(key_bytes(key));
    return bytes;
  }
};

/// The untyped handle, Cache<>.
template <>
class Cache<std::string_view, void> : public detail::CacheHandle {
 public:
  using CacheHandle::CacheHandle;

  template <class T>
  std::optional<T> get(std::string_view key) const {
    return client().get<T>(name(), key);
  }
  std::optional<std::string> get_raw(std::string_view key) const { return client().get_raw(name(), key); }
  template <class T>
  std::optional<Entry<T>> get_entry(std::string_view key) const {
    return client().get_entry<T>(name(), key);
  }
  template <class T>
  std::vector<std::optional<T>> get_many(const KeyList& keys) const {
    return client().get_many<T>(name(), keys);
  }

  template <class T>
  std::optional<Version> put(std::string_view key, const T& value, const PutOptions& options = {}) const {
    return client().put(name(), key, value, options);
  }
  std::optional<Version> put_raw(std::string_view key, std::string_view packed,
                                 const PutOptions& options = {}) const {
    return client().put_raw(name(), key, packed, options);
  }
  template <class Entries>
  std::vector<Version> put_many(const Entries& entries, const PutManyOptions& options = {}) const {
    return client().put_many(name(), entries, options);
  }

  bool erase(std::string_view key, const EraseOptions& options = {}) const {
    return client().erase(name(), key, options);
  }
  std::uint64_t erase_many(const KeyList& keys) const { return client().erase_many(name(), keys); }
  bool touch(std::string_view key, Ttl ttl = {}) const { return client().touch(name(), key, ttl); }
  std::int64_t increment(std::string_view key, std::int64_t delta = 1,
                         const IncrementOptions& options = {}) const {
    return client().increment(name(), key, delta, options);
  }

  void each_key(std::string_view prefix, const std::function<bool(std::string_view key)>& visit) const {
    client().each_key(name(), prefix, visit);
  }
  template <class T>
  LeaseResult<T> lease(std::string_view key, const LeaseOptions& options = {}) const {
    return client().lease<T>(name(), key, options);
  }
  LeaseResult<std::string> lease_raw(std::string_view key, const LeaseOptions& options = {}) const {
    return client().lease_raw(name(), key, options);
  }
};

template <class Key, class Value>
Cache<Key, Value> Client::cache(std::string name) & {
  return Cache<Key, Value>(*this, std::move(name));
}

}  // namespace pannier
