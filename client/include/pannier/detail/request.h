// Requests as they go over the wire: each method of the contract as a function from C++ arguments to a whole
// frame. Arguments are not checked, with one exception: a raw MessagePack object must be exactly one, else
// InvalidArgument, because it could otherwise turn into other params, or into another message.
//
// Here for the templates of public headers; no part of the interface.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "pannier/keys.h"
#include "pannier/options.h"
#include "pannier/subscription.h"

namespace pannier::detail {

struct Request {
  std::uint64_t id;
  std::string frame = {};
  /// To be executed twice changes neither the cache nor the answer.
  bool is_repeatable = false;
  /// May wait for the disk or go through a whole cache.
  bool is_slow = false;
  /// How long the daemon may wait before it answers, beyond the time for the request itself.
  std::chrono::milliseconds wait = {};
};

/// ping, info, sync: a method without params.
Request plain_request(std::uint64_t id, std::string_view method);
/// info, sync, drop, unsubscribe: a method of a cache as a whole.
Request cache_request(std::uint64_t id, std::string_view method, std::string_view cache);
Request hello_request(std::uint64_t id, std::string_view name, std::string_view version);
Request open_request(std::uint64_t id, std::string_view cache, const CacheSettings& settings);
/// clear, subscribe: a method of the keys that begin with `prefix`.
Request prefix_request(std::uint64_t id, std::string_view method, std::string_view cache,
                       std::string_view prefix);
Request get_request(std::uint64_t id, std::string_view cache, std::string_view key, bool with_meta);
/// get_many, delete_many.
Request key_list_request(std::uint64_t id, std::string_view method, std::string_view cache,
                         const KeyList& keys);
Request put_request(std::uint64_t id, std::string_view cache, std::string_view key, std::string_view packed,
                    const PutOptions& options);
Request put_many_request(std::uint64_t id, std::string_view cache, const PackedEntries& entries,
                         const PutManyOptions& options);
Request delete_request(std::uint64_t id, std::string_view cache, std::string_view key,
                       const EraseOptions& options);
Request touch_request(std::uint64_t id, std::string_view cache, std::string_view key, Ttl ttl);
Request increment_request(std::uint64_t id, std::string_view cache, std::string_view key, std::int64_t delta,
                          const IncrementOptions& options);
Request keys_request(std::uint64_t id, std::string_view cache, const KeysOptions& options);
Request lease_request(std::uint64_t id, std::string_view cache, std::string_view key,
                      const LeaseOptions& options);
Request release_request(std::uint64_t id, std::string_view cache, std::string_view key, Token token);
/// `release` as a notification: executed, not answered.
std::string release_notification(std::string_view cache, std::string_view key, Token token);
/// Any method; `params` must be one MessagePack array.
Request raw_request(std::uint64_t id, std::string_view method, std::string_view params);

}  // namespace pannier::detail
