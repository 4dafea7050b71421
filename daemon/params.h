// Params takes the parameters of one request apart, in order, and words what is wrong with them. The first
// fault sticks: later reads return defaults, so that a handler reads all it needs and then asks once for
// fault().
//
// Options (the last parameter, a map or nil) are read by name; which names a method knows it says itself.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "daemon/config.h"
#include "protocol/bytes.h"
#include "protocol/cursor.h"
#include "protocol/error.h"
#include "storage/cache.h"

namespace pannier::daemon {

/// 1 to 255 bytes of printable ASCII.
bool is_cache_name(protocol::Bytes name);

/// One option of the map, its value still encoded.
struct Option {
  protocol::Bytes name;
  protocol::Bytes value;
};

class Params {
 public:
  static constexpr std::size_t kOptionsMax = 8;

  /// `method` begins every error text. `params`: the array whole.
  Params(std::string_view method, protocol::Bytes params, const ClientLimits& limits);

  // -- positional, in the order of the calls

  /// 1 to 255 bytes of printable ASCII.
  std::string_view cache_name();
  /// As cache_name, if there is one: nothing where the parameters end or only options are left.
  std::optional<std::string_view> optional_cache_name();
  /// An array of them, if there is one; empty otherwise, which an array is not.
  std::vector<std::string_view> optional_cache_names();
  /// 1 to key_bytes_max bytes.
  std::string_view key();
  /// An array of keys, to be read by as many calls of next_key() before anything else is: how many there are,
  /// at most keys_max; 0 with a fault.
  std::uint32_t keys();
  std::string_view next_key();
  /// One object as the bytes it came in, at most value_bytes_max of them.
  std::string_view value();
  /// An array of pairs of key and value, in the same way.
  std::uint32_t pairs();
  std::pair<std::string_view, std::string_view> next_pair();
  std::int64_t integer(std::string_view name);
  std::uint64_t unsigned_integer(std::string_view name);

  // -- options: first which are known, then each

  /// At most kOptionsMax are known.
  void options(std::initializer_list<std::string_view> known);
  bool has(std::string_view name) const;
  bool is_nil(std::string_view name) const;
  bool flag(std::string_view name);
  std::optional<std::uint64_t> number(std::string_view name, std::uint64_t min, std::uint64_t max);
  std::optional<std::int64_t> signed_number(std::string_view name);
  std::optional<std::uint64_t> duration_ms(std::string_view name, std::uint64_t min = 0);
  std::optional<std::string_view> text(std::string_view name);
  /// `prefix`, of keys: at most max_key bytes; empty if it is left out.
  std::string_view prefix();
  /// The encoded object of an option that takes several types.
  std::optional<protocol::Bytes> object(std::string_view name) const;
  /// Of `ttl_ms`: left out, nil, or a duration.
  storage::Ttl ttl();

  bool has_fault() const { return fault_.has_value(); }
  /// Says that an option that must be given is not, if it is not.
  void require(std::string_view name, std::string_view wanted);
  /// Says that an option's (or parameter's) value is not what `wanted` says.
  void reject(std::string_view name, std::string_view wanted, protocol::Bytes object);

  /// The first thing wrong, with parameters that are left over; nothing if all was well.
  std::optional<protocol::Error> fault();

 private:
  /// There is a parameter to come that is not the options.
  bool has_positional() const;
  /// Takes the next parameter if there is one; else the fault is that `name` is missing.
  std::optional<protocol::Bytes> next(std::string_view name);
  std::string_view checked_cache_name(protocol::Bytes object);
  /// The key that is next; null where none is, or one that breaks a limit.
  std::optional<std::string_view> take_good_key();
  std::string_view checked_key(protocol::Bytes object, std::string_view name);
  std::string_view checked_value(protocol::Bytes object);
  /// Takes the head of an array parameter; the number of its items, at most keys_max.
  std::uint32_t open_array(std::string_view name);
  void fail(protocol::ErrorCode code, std::string text);
  const Option* find(std::string_view name) const;

  std::string_view method_;
  const ClientLimits& limits_;
  protocol::Cursor cursor_;
  std::uint32_t left_ = 0;
  std::uint32_t items_taken_ = 0;            ///< of the array that is being read
  std::array<Option, kOptionsMax> options_;  ///< those that were given come first
  std::size_t options_given_ = 0;
  std::optional<protocol::Error> fault_;
};

}  // namespace pannier::daemon
