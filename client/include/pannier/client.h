// pannier::Client: synchronous access to pannierd over its Unix socket. This header is all a program needs to
// include.
//
//   pannier::Client client;                                        // $PANNIER_SOCKET, or the default path
//   client.put("lru", "user:7", std::string("Ada"), {.ttl = std::chrono::minutes(5)});
//   std::optional<std::string> name = client.get<std::string>("lru", "user:7");
//
// Thread-safe: any number of threads may share one Client; their requests go over a small pool of
// connections. Connections are made when they are needed and kept. Creating a Client neither connects nor
// throws.
//
// Keys are 1 to 65,535 bytes of any kind, names of caches 1 to 255 bytes of printable ASCII; both are taken
// as views and needed only during the call. Values come in two forms: typed (see value.h) and, by the methods
// in _raw, as one MessagePack object that is stored and answered byte for byte. A _raw method that takes an
// object throws InvalidArgument unless it is exactly one; a typed method that reads throws UnpackError if the
// value is of another type.
//
// Errors are in error.h. Of each request:
// - It is sent to a connection that is known to live. If that one turns out to be closed before a byte was
//   accepted (the daemon was restarted), it goes over a new connection, whatever it is.
// - If the connection ends after that, requests whose repetition changes neither the cache nor the answer are
//   repeated once over a new connection: ping, hello, get, get_many, get_entry, keys, touch, info, sync. All
//   others throw ConnectionError with may_have_run(), and so do those if they fail again.
// - A time-out closes the connection, so that a late reply is never taken for another's. It is never
// repeated.
//
// Fork: a child may go on using the Client. It drops the connections it inherited without disturbing the
// parent's and makes its own. (If another thread was inside the Client at the moment of the fork, the child
// keeps that thread's descriptors open until it execs or ends.) No SIGPIPE is ever raised, and descriptors
// are closed on exec.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pannier/error.h"
#include "pannier/info.h"
#include "pannier/keys.h"
#include "pannier/lease.h"
#include "pannier/options.h"
#include "pannier/pipeline.h"
#include "pannier/sighting.h"
#include "pannier/subscription.h"
#include "pannier/value.h"

namespace pannier {

template <class Key = std::string_view, class Value = void>
class Cache;
namespace detail {
class Pool;
}

/// The release of this library, e.g. "0.1.0".
std::string_view library_version();

class Client {
 public:
  explicit Client(ClientOptions options = {});
  Client(Client&& other) noexcept;
  Client& operator=(Client&& other) noexcept;
  /// Closes idle connections. Leases, pipelines and subscriptions live on.
  ~Client();

  /// A handle on one cache, whose methods leave out the cache's name: cache(name), or with types for all its
  /// keys and values, cache<Key, Value>(name); see cache.h. This Client must outlive it.
  template <class Key = std::string_view, class Value = void>
  Cache<Key, Value> cache(std::string name) &;
  template <class Key = std::string_view, class Value = void>
  Cache<Key, Value> cache(std::string name) && = delete;

  // The daemon

  /// Returns if the daemon answers.
  void ping();
  ServerHello hello();
  Info info();
  CacheInfo info(std::string_view cache);

  // Caches

  /// True: created. False: it was there with the same settings (or was altered). kConflict: it is there with
  /// others.
  bool open(std::string_view cache, const CacheSettings& settings);
  /// Removes cache and entries, from disk too. False: there was none.
  bool drop(std::string_view cache);
  /// Removes all live entries that begin with `prefix`; how many there were.
  std::uint64_t clear(std::string_view cache, std::string_view prefix = {});
  /// Everything acknowledged before is on disk when it returns: of all durable caches, or of one
  /// (kUnsupported: it is not durable).
  SyncResult sync();
  SyncResult sync(std::string_view cache);

  // Entries

  /// Nothing on a miss.
  template <class T>
  std::optional<T> get(std::string_view cache, std::string_view key) {
    const auto packed = get_raw(cache, key);
    return packed ? std::optional<T>(unpack<T>(*packed)) : std::nullopt;
  }
  std::optional<std::string> get_raw(std::string_view cache, std::string_view key);

  /// The value with its version and the time it has left.
  template <class T>
  std::optional<Entry<T>> get_entry(std::string_view cache, std::string_view key) {
    const auto entry = get_entry_raw(cache, key);
    if (!entry) return std::nullopt;
    return Entry<T>{unpack<T>(entry->value), entry->version, entry->ttl};
  }
  std::optional<Entry<std::string>> get_entry_raw(std::string_view cache, std::string_view key);

  /// The same without asking the daemon: nothing if the entry cannot be read out of its memory, be it that it
  /// is not there, on disk alone, or that this process has not mapped that memory. `sighting`, if given,
  /// becomes one of what was found: is_current() then tells in a fraction of the time whether it would be
  /// found again.
  std::optional<Entry<std::string>> read_shared(std::string_view cache, std::string_view key,
                                                Sighting* sighting = nullptr,
                                                const SharedReadOptions& options = {});
  /// The packed values that read_shared() finds, as many results as keys. `options.bytes_max`: of all
  /// together.
  std::vector<std::optional<std::string>> read_shared_many(std::string_view cache, const KeyList& keys,
                                                           const SharedReadOptions& options = {});
  /// Whether the entry is as it was seen: present, not written since, not past its deadline. True counts as a
  /// hit. False may mean that it cannot be told. Makes no system call.
  bool is_current(const Sighting& sighting);

  /// As many results as keys, in their order.
  template <class T>
  std::vector<std::optional<T>> get_many(std::string_view cache, const KeyList& keys) {
    std::vector<std::optional<T>> values;
    for (const auto& packed : get_many_raw(cache, keys)) {
      values.push_back(packed ? std::optional<T>(unpack<T>(*packed)) : std::nullopt);
    }
    return values;
  }
  std::vector<std::optional<std::string>> get_many_raw(std::string_view cache, const KeyList& keys);

  /// Stores the value, its deadline anew. The entry's version; nothing if options.condition did not hold or
  /// options.lease is over: then nothing was written. Without condition and lease there always is a version.
  template <class T>
  std::optional<Version> put(std::string_view cache, std::string_view key, const T& value,
                             const PutOptions& options = {}) {
    return put_raw(cache, key, pack(value), options);
  }
  std::optional<Version> put_raw(std::string_view cache, std::string_view key, std::string_view packed,
                                 const PutOptions& options = {});

  /// `entries`: a std::map<std::string, T>, or another range of pairs of a string and a value. All are
  /// checked before anything is written. The versions, in their order.
  template <class Entries>
  std::vector<Version> put_many(std::string_view cache, const Entries& entries,
                                const PutManyOptions& options = {}) {
    std::vector<std::pair<std::string, std::string>> packed;
    for (const auto& [key, value] : entries) packed.emplace_back(key, pack(value));
    return put_many_raw(cache, PackedEntries(packed.begin(), packed.end()), options);
  }
  std::vector<Version> put_many_raw(std::string_view cache, const PackedEntries& entries,
                                    const PutManyOptions& options = {});

  /// The contract's `delete`. True: there was a live entry (of that version).
  bool erase(std::string_view cache, std::string_view key, const EraseOptions& options = {});
  /// How many of them were live.
  std::uint64_t erase_many(std::string_view cache, const KeyList& keys);

  /// Uses the entry and sets its deadline anew: `ttl`, else the cache's max_age, else it stays as it was.
  /// False: there is no live entry.
  bool touch(std::string_view cache, std::string_view key, Ttl ttl = {});

  /// Adds to an integer, in one step for everybody; the sum. kNotANumber: the entry is none, or the sum does
  /// not fit.
  std::int64_t increment(std::string_view cache, std::string_view key, std::int64_t delta = 1,
                         const IncrementOptions& options = {});

  /// One page of the keys, in no order. A key that lives through the whole walk is seen at least once.
  KeysPage keys(std::string_view cache, const KeysOptions& options = {});
  /// Walks through all keys that begin with `prefix`; `visit` returns whether to go on, and may use this
  /// Client.
  void each_key(std::string_view cache, std::string_view prefix,
                const std::function<bool(std::string_view key)>& visit);

  /// The value if it is there; else one caller on the host gets a Lease and computes it, the others wait. See
  /// lease.h. A thread that asks again for a key it holds the lease of waits like everybody else.
  template <class T>
  LeaseResult<T> lease(std::string_view cache, std::string_view key, const LeaseOptions& options = {}) {
    auto packed = lease_raw(cache, key, options);
    LeaseResult<T> result{std::nullopt, packed.stale, std::move(packed.lease)};
    if (packed.value) result.value = unpack<T>(*packed.value);
    return result;
  }
  LeaseResult<std::string> lease_raw(std::string_view cache, std::string_view key,
                                     const LeaseOptions& options = {});
  /// Ends a lease by its token, granted to whomever. False: it was not the key's lease.
  bool release(std::string_view cache, std::string_view key, Token token);

  // Beyond single requests

  /// An empty pipeline.
  Pipeline pipeline();
  /// From now on, changes of `cache` (see subscription.h).
  Subscription subscribe(std::string_view cache, const SubscribeOptions& options = {});

  /// Any method by its name, for what newer daemons know; `params` is one MessagePack array, else
  /// InvalidArgument. The result as MessagePack. Never repeated.
  std::string call(std::string_view method, std::string_view params);

 private:
  std::shared_ptr<detail::Pool> pool_;
};

}  // namespace pannier

#include "pannier/cache.h"
