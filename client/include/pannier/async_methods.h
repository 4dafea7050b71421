// The methods of the asynchronous clients, AsyncClient (async.h) and FutureClient (future.h), which differ in
// how a result comes: as Answer<T>. Arguments, options and results are those of Client's methods of the same
// names; arguments are needed only during the call. A request may be repeated as client.h has it.
//
// Each throws InvalidArgument as its twin in Client, and Error with kOverloaded if as many requests are in
// flight, or as many bytes of them, as the client's options allow. Every other error comes as Answer<T>: a
// ServerError, a TransportError, or an UnpackError. Subscriptions and pipelines are Client's alone; the
// requests made here are pipelined anyway.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pannier/detail/request.h"
#include "pannier/detail/result.h"
#include "pannier/error.h"
#include "pannier/info.h"
#include "pannier/keys.h"
#include "pannier/options.h"
#include "pannier/value.h"

namespace pannier {

/// What lease() found: as LeaseResult, but with a token. Whoever gets one computes, and ends the lease by
/// put() with PutOptions::lease, or by release(). The lease is over with the client's connection, and then
/// such a put() writes nothing.
template <class T>
struct LeaseGrant {
  std::optional<T> value;
  bool stale = false;
  std::optional<Token> token;
};

template <class Self, template <class> class Answer>
class AsyncMethods {
 public:
  Answer<Info> info() { return ask<Info>(detail::plain_request(id(), "info"), detail::read_info); }
  Answer<CacheInfo> info(std::string_view cache) {
    return ask<CacheInfo>(detail::cache_request(id(), "info", cache), detail::read_cache_info);
  }
  Answer<bool> open(std::string_view cache, const CacheSettings& settings) {
    return ask<bool>(detail::open_request(id(), cache, settings), detail::read_flag);
  }
  Answer<bool> drop(std::string_view cache) {
    return ask<bool>(detail::cache_request(id(), "drop", cache), detail::read_flag);
  }
  Answer<std::uint64_t> clear(std::string_view cache, std::string_view prefix = {}) {
    return ask<std::uint64_t>(detail::prefix_request(id(), "clear", cache, prefix), detail::read_count);
  }
  Answer<SyncResult> sync(std::string_view cache) {
    return ask<SyncResult>(detail::cache_request(id(), "sync", cache), detail::read_sync);
  }

  template <class T>
  Answer<std::optional<T>> get(std::string_view cache, std::string_view key) {
    return ask<std::optional<T>>(detail::get_request(id(), cache, key, false), [](std::string_view result) {
      return unpacked<T>(detail::read_value(result));
    });
  }
  Answer<std::optional<std::string>> get_raw(std::string_view cache, std::string_view key) {
    return ask<std::optional<std::string>>(detail::get_request(id(), cache, key, false), detail::read_value);
  }
  template <class T>
  Answer<std::optional<Entry<T>>> get_entry(std::string_view cache, std::string_view key) {
    using Result = std::optional<Entry<T>>;
    return ask<Result>(detail::get_request(id(), cache, key, true), [](std::string_view result) {
      const auto entry = detail::read_entry(result);
      return entry ? Result(Entry<T>{unpack<T>(entry->value), entry->version, entry->ttl}) : Result();
    });
  }
  template <class T>
  Answer<std::vector<std::optional<T>>> get_many(std::string_view cache, const KeyList& keys) {
    return ask<std::vector<std::optional<T>>>(
        detail::key_list_request(id(), "get_many", cache, keys),
        [count = keys.size()](std::string_view result) {
          std::vector<std::optional<T>> values;
          for (const auto& packed : detail::read_values(result)) values.push_back(unpacked<T>(packed));
          if (values.size() != count)
            throw ProtocolError("the daemon answered another number of values than keys");
          return values;
        });
  }

  template <class T>
  Answer<std::optional<Version>> put(std::string_view cache, std::string_view key, const T& value,
                                     const PutOptions& options = {}) {
    return put_raw(cache, key, pack(value), options);
  }
  Answer<std::optional<Version>> put_raw(std::string_view cache, std::string_view key,
                                         std::string_view packed, const PutOptions& options = {}) {
    return ask<std::optional<Version>>(detail::put_request(id(), cache, key, packed, options),
                                       detail::read_version);
  }
  Answer<std::vector<Version>> put_many_raw(std::string_view cache, const PackedEntries& entries,
                                            const PutManyOptions& options = {}) {
    return ask<std::vector<Version>>(detail::put_many_request(id(), cache, entries, options),
                                     detail::read_versions);
  }
  Answer<bool> erase(std::string_view cache, std::string_view key, const EraseOptions& options = {}) {
    return ask<bool>(detail::delete_request(id(), cache, key, options), detail::read_flag);
  }
  Answer<std::uint64_t> erase_many(std::string_view cache, const KeyList& keys) {
    return ask<std::uint64_t>(detail::key_list_request(id(), "delete_many", cache, keys), detail::read_count);
  }
  Answer<bool> touch(std::string_view cache, std::string_view key, Ttl ttl = {}) {
    return ask<bool>(detail::touch_request(id(), cache, key, ttl), detail::read_flag);
  }
  Answer<std::int64_t> increment(std::string_view cache, std::string_view key, std::int64_t delta = 1,
                                 const IncrementOptions& options = {}) {
    return ask<std::int64_t>(detail::increment_request(id(), cache, key, delta, options),
                             detail::read_integer);
  }
  Answer<KeysPage> keys(std::string_view cache, const KeysOptions& options = {}) {
    return ask<KeysPage>(detail::keys_request(id(), cache, options), detail::read_keys_page);
  }

  /// Waits for another's result as Client::lease does, and holds up no other request meanwhile.
  template <class T>
  Answer<LeaseGrant<T>> lease(std::string_view cache, std::string_view key,
                              const LeaseOptions& options = {}) {
    return ask<LeaseGrant<T>>(detail::lease_request(id(), cache, key, options), [](std::string_view result) {
      const auto answer = detail::read_lease(result);
      return LeaseGrant<T>{unpacked<T>(answer.value), answer.is_stale, answer.token};
    });
  }
  Answer<bool> release(std::string_view cache, std::string_view key, Token token) {
    return ask<bool>(detail::release_request(id(), cache, key, token), detail::read_flag);
  }

  /// Any method; the result as MessagePack. Never repeated.
  Answer<std::string> call(std::string_view method, std::string_view params) {
    return ask<std::string>(detail::raw_request(id(), method, params),
                            [](std::string_view result) { return std::string(result); });
  }

 private:
  template <class T>
  static std::optional<T> unpacked(const std::optional<std::string>& packed) {
    return packed ? std::optional<T>(unpack<T>(*packed)) : std::nullopt;
  }

  Self& self() { return static_cast<Self&>(*this); }
  std::uint64_t id() { return self().next_id(); }
  template <class T>
  Answer<T> ask(detail::Request request, std::function<T(std::string_view result)> read) {
    return self().template ask<T>(std::move(request), std::move(read));
  }
};

}  // namespace pannier
