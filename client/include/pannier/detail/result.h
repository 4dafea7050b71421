// Results as C++ values: one function for each kind of result in the contract. All throw ProtocolError if the
// result is of another kind; fields that this library does not know are skipped, and those that are not there
// keep their default.
//
// Here for the templates of public headers; no part of the interface.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pannier/info.h"
#include "pannier/subscription.h"

namespace pannier::detail {

bool read_flag(std::string_view result);
std::uint64_t read_count(std::string_view result);
std::int64_t read_integer(std::string_view result);
/// A version, or nil.
std::optional<Version> read_version(std::string_view result);
std::vector<Version> read_versions(std::string_view result);
/// [value], or nil.
std::optional<std::string> read_value(std::string_view result);
/// An array of those.
std::vector<std::optional<std::string>> read_values(std::string_view result);
/// [value, version, ttl_ms or nil], or nil.
std::optional<Entry<std::string>> read_entry(std::string_view result);
KeysPage read_keys_page(std::string_view result);
SyncResult read_sync(std::string_view result);
ServerHello read_hello(std::string_view result);
Info read_info(std::string_view result);
CacheInfo read_cache_info(std::string_view result);
/// {sequence}
std::uint64_t read_sequence(std::string_view result);
/// [cache, [key...] or nil, sequence]: the params of `invalidate`.
Invalidation read_invalidation(std::string_view params);

/// What `lease` answered; nothing of it: the wait was over.
struct LeaseAnswer {
  std::optional<std::string> value;
  bool is_stale = false;
  std::optional<Token> token;
};
/// [value], token, [value, token or nil], or nil.
LeaseAnswer read_lease(std::string_view result);

}  // namespace pannier::detail
