// pannier::Cache: a Client's methods for one cache, without its name. Included by pannier/client.h.
//
//   auto users = client.cache("lru");
//   users.put("7", std::string("Ada"));
//
// As thread-safe as the Client, which has to outlive it; results and errors are those of the Client's
// methods.
#pragma once

#include "pannier/client.h"

namespace pannier {

class Cache {
 public:
  Cache(Client& client, std::string name) : client_(&client), name_(std::move(name)) {}

  const std::string& name() const noexcept { return name_; }

  bool open(const CacheSettings& settings) const { return client_->open(name_, settings); }
  bool drop() const { return client_->drop(name_); }
  std::uint64_t clear(std::string_view prefix = {}) const { return client_->clear(name_, prefix); }
  SyncResult sync() const { return client_->sync(name_); }
  CacheInfo info() const { return client_->info(name_); }

  template <class T>
  std::optional<T> get(std::string_view key) const {
    return client_->get<T>(name_, key);
  }
  std::optional<std::string> get_raw(std::string_view key) const { return client_->get_raw(name_, key); }
  template <class T>
  std::optional<Entry<T>> get_entry(std::string_view key) const {
    return client_->get_entry<T>(name_, key);
  }
  template <class T>
  std::vector<std::optional<T>> get_many(const KeyList& keys) const {
    return client_->get_many<T>(name_, keys);
  }

  template <class T>
  std::optional<Version> put(std::string_view key, const T& value, const PutOptions& options = {}) const {
    return client_->put(name_, key, value, options);
  }
  std::optional<Version> put_raw(std::string_view key, std::string_view packed,
                                 const PutOptions& options = {}) const {
    return client_->put_raw(name_, key, packed, options);
  }
  template <class Entries>
  std::vector<Version> put_many(const Entries& entries, const PutManyOptions& options = {}) const {
    return client_->put_many(name_, entries, options);
  }

  bool erase(std::string_view key, const EraseOptions& options = {}) const {
    return client_->erase(name_, key, options);
  }
  std::uint64_t erase_many(const KeyList& keys) const { return client_->erase_many(name_, keys); }
  bool touch(std::string_view key, Ttl ttl = {}) const { return client_->touch(name_, key, ttl); }
  std::int64_t increment(std::string_view key, std::int64_t delta = 1,
                         const IncrementOptions& options = {}) const {
    return client_->increment(name_, key, delta, options);
  }

  void each_key(std::string_view prefix, const std::function<bool(std::string_view key)>& visit) const {
    client_->each_key(name_, prefix, visit);
  }
  template <class T>
  LeaseResult<T> lease(std::string_view key, const LeaseOptions& options = {}) const {
    return client_->lease<T>(name_, key, options);
  }
  Subscription subscribe(const SubscribeOptions& options = {}) const {
    return client_->subscribe(name_, options);
  }

 private:
  Client* client_;
  std::string name_;
};

}  // namespace pannier
