#include "daemon/params.h"

#include <algorithm>
#include <span>
#include <string>
#include <utility>

namespace pannier::daemon {

using protocol::Bytes;
using protocol::Cursor;
using protocol::Error;
using protocol::ErrorCode;

bool is_cache_name(Bytes name) {
  return !name.empty() && name.size() <= protocol::kCacheNameBytesMax &&
         std::all_of(name.begin(), name.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

Params::Params(std::string_view method, Bytes params, const ClientLimits& limits)
    : method_(method), limits_(limits), cursor_(params), left_(cursor_.read_array().value_or(0)) {}

std::string_view Params::cache_name() {
  const auto object = next("the cache's name");
  return object ? checked_cache_name(*object) : std::string_view();
}

std::optional<std::string_view> Params::optional_cache_name() {
  return has_positional() ? std::optional(cache_name()) : std::nullopt;
}

std::vector<std::string_view> Params::optional_cache_names() {
  std::vector<std::string_view> names;
  if (!has_positional()) return names;
  const Bytes object = cursor_.rest();
  const auto count = open_array("caches");
  for (std::uint32_t i = 0; i < count && !fault_; ++i) {
    names.push_back(checked_cache_name(cursor_.read_object().value_or(Bytes())));
  }
  if (names.empty()) reject("caches", "an array with at least one name", object);
  return names;
}

std::string_view Params::key() {
  const auto object = next("key");
  return object ? checked_key(*object, "key") : std::string_view();
}

std::uint32_t Params::keys() { return open_array("keys"); }

std::string_view Params::next_key() {
  if (fault_) return {};
  ++items_taken_;
  if (const auto key = take_good_key()) return *key;
  return checked_key(cursor_.read_object().value_or(Bytes()),
                     "keys[" + std::to_string(items_taken_ - 1) + "]");
}

std::string_view Params::value() {
  const auto object = next("value");
  return object ? checked_value(*object) : std::string_view();
}

std::uint32_t Params::pairs() { return open_array("pairs"); }

std::pair<std::string_view, std::string_view> Params::next_pair() {
  if (fault_) return {};
  ++items_taken_;
  const Bytes object = cursor_.rest();
  if (cursor_.read_array() != 2U) {
    reject("pairs[" + std::to_string(items_taken_ - 1) + "]", "an array [key, value]", object);
    return {};
  }
  auto key = take_good_key();
  if (!key) {
    key = checked_key(cursor_.read_object().value_or(Bytes()),
                      "key of pairs[" + std::to_string(items_taken_ - 1) + "]");
  }
  return {*key, checked_value(cursor_.read_object().value_or(Bytes()))};
}

std::int64_t Params::integer(std::string_view name) {
  const auto object = next(name);
  if (!object) return 0;
  const auto number = Cursor(*object).read_integer();
  if (!number) reject(name, "an integer of 64 bits, signed", *object);
  return number.value_or(0);
}

std::uint64_t Params::unsigned_integer(std::string_view name) {
  const auto object = next(name);
  if (!object) return 0;
  const auto number = Cursor(*object).read_unsigned();
  if (!number) reject(name, "an integer of 0 or more", *object);
  return number.value_or(0);
}

void Params::options(std::initializer_list<std::string_view> known) {
  if (fault_ || left_ == 0) return;
  const Bytes object = *next("options");
  Cursor cursor(object);
  if (cursor.read_nil()) return;
  const auto pairs = cursor.read_map();
  if (!pairs) return reject("options", "a map or nil", object);
  for (std::uint32_t i = 0; i < *pairs && !fault_; ++i) {
    const Bytes name_object = cursor.read_object().value_or(Bytes());
    const Bytes value = cursor.read_object().value_or(Bytes());
    const auto name = Cursor(name_object).read_string();
    if (!name) {
      reject("an option's name", "a string", name_object);
    } else if (std::find(known.begin(), known.end(), *name) == known.end()) {
      std::string names;
      for (const auto one : known) names.append(names.empty() ? "" : ", ").append(one);
      fail(ErrorCode::kBadRequest, "unknown option " + protocol::quoted(*name) +
                                       (names.empty() ? "; there are none" : "; known are " + names));
    } else if (has(*name)) {
      fail(ErrorCode::kBadRequest, "option " + protocol::quoted(*name) + " is given twice");
    } else {
      options_.at(options_given_++) = {*name, value};
    }
  }
}

bool Params::has(std::string_view name) const { return find(name) != nullptr; }

bool Params::is_nil(std::string_view name) const {
  const Option* option = find(name);
  return option != nullptr && Cursor(option->value).peek() == protocol::Type::kNil;
}

bool Params::flag(std::string_view name) {
  const Option* option = find(name);
  if (option == nullptr) return false;
  const auto value = Cursor(option->value).read_bool();
  if (!value) reject(name, "true or false", option->value);
  return value.value_or(false);
}

std::optional<std::uint64_t> Params::number(std::string_view name, std::uint64_t min, std::uint64_t max) {
  const Option* option = find(name);
  if (option == nullptr) return std::nullopt;
  const auto value = Cursor(option->value).read_unsigned();
  if (value && *value >= min && *value <= max) return value;
  reject(name, "an integer from " + std::to_string(min) + " to " + std::to_string(max), option->value);
  return std::nullopt;
}

std::optional<std::int64_t> Params::signed_number(std::string_view name) {
  const Option* option = find(name);
  if (option == nullptr) return std::nullopt;
  const auto value = Cursor(option->value).read_integer();
  if (!value) reject(name, "an integer of 64 bits, signed", option->value);
  return value;
}

std::optional<std::uint64_t> Params::duration_ms(std::string_view name, std::uint64_t min) {
  return number(name, min, protocol::kDurationMsMax);
}

std::optional<std::string_view> Params::text(std::string_view name) {
  const Option* option = find(name);
  if (option == nullptr) return std::nullopt;
  const auto value = Cursor(option->value).read_string();
  if (!value) reject(name, "a string", option->value);
  return value;
}

std::string_view Params::prefix() {
  const std::string_view prefix = text("prefix").value_or("");
  if (prefix.size() > limits_.key_bytes_max) {
    fail(ErrorCode::kTooLarge, "prefix " + protocol::quoted(prefix) + " is longer than max_key, " +
                                   std::to_string(limits_.key_bytes_max) + " bytes: no key begins with it");
  }
  return prefix;
}

std::optional<Bytes> Params::object(std::string_view name) const {
  const Option* option = find(name);
  return option == nullptr ? std::nullopt : std::optional<Bytes>(option->value);
}

storage::Ttl Params::ttl() {
  if (is_nil("ttl_ms")) return {storage::Ttl::Kind::kNone, 0};
  const auto ms = duration_ms("ttl_ms");
  if (!ms) return {};
  return {storage::Ttl::Kind::kGiven, *ms};
}

void Params::require(std::string_view name, std::string_view wanted) {
  if (has(name)) return;
  fail(ErrorCode::kBadRequest, "option " + std::string(name) + " is missing; it is " + std::string(wanted));
}

void Params::reject(std::string_view name, std::string_view wanted, Bytes object) {
  fail(ErrorCode::kBadRequest,
       std::string(name) + " must be " + std::string(wanted) + ", not " + protocol::described(object));
}

std::optional<Error> Params::fault() {
  if (!fault_ && left_ > 0)
    fail(ErrorCode::kBadRequest, std::to_string(left_) + " more parameters than it takes");
  return fault_;
}

std::optional<Bytes> Params::next(std::string_view name) {
  if (fault_) return std::nullopt;
  const auto object = left_ > 0 ? cursor_.read_object() : std::nullopt;
  if (object) {
    --left_;
  } else {
    fail(ErrorCode::kBadRequest, std::string(name) + " is missing");
  }
  return object;
}

bool Params::has_positional() const {
  const auto type = left_ > 0 ? cursor_.peek() : std::nullopt;
  const bool may_be_options = type == protocol::Type::kNil || type == protocol::Type::kMap;
  return type && !(left_ == 1 && may_be_options);
}

std::string_view Params::checked_cache_name(Bytes object) {
  const auto name = Cursor(object).read_string();
  if (name && is_cache_name(*name)) return *name;
  reject("the cache's name", "1 to 255 bytes of printable ASCII", object);
  return {};
}

std::optional<std::string_view> Params::take_good_key() {
  Cursor ahead = cursor_;
  const auto key = ahead.read_string();
  if (!key || key->empty() || key->size() > limits_.key_bytes_max) return std::nullopt;
  cursor_ = ahead;
  return key;
}

std::string_view Params::checked_key(Bytes object, std::string_view name) {
  const auto key = Cursor(object).read_string();
  if (!key) {
    reject(name, "a string or binary", object);
  } else if (key->empty()) {
    fail(ErrorCode::kBadRequest,
         std::string(name) + " is empty; a key has 1 to " + std::to_string(limits_.key_bytes_max) + " bytes");
  } else if (key->size() > limits_.key_bytes_max) {
    fail(ErrorCode::kTooLarge, std::string(name) + " " + protocol::quoted(*key) +
                                   " is longer than max_key, " + std::to_string(limits_.key_bytes_max) +
                                   " bytes");
  }
  return key.value_or(Bytes());
}

std::string_view Params::checked_value(Bytes object) {
  if (object.size() > limits_.value_bytes_max) {
    fail(ErrorCode::kTooLarge, "the value of " + std::to_string(object.size()) +
                                   " bytes is larger than max_value, " +
                                   std::to_string(limits_.value_bytes_max) + " bytes");
  }
  return object;
}

std::uint32_t Params::open_array(std::string_view name) {
  if (fault_) return 0;
  if (left_ == 0) {
    fail(ErrorCode::kBadRequest, std::string(name) + " is missing");
    return 0;
  }
  --left_;
  items_taken_ = 0;
  const auto count = cursor_.read_array();
  if (!count) {
    reject(name, "an array", cursor_.rest());
  } else if (*count > limits_.keys_max) {
    fail(ErrorCode::kTooLarge, std::to_string(*count) + " " + std::string(name) +
                                   " in one request; at most " + std::to_string(limits_.keys_max) +
                                   " (max_keys)");
    return 0;
  }
  return count.value_or(0);
}

void Params::fail(ErrorCode code, std::string text) {
  if (!fault_) fault_ = Error{code, std::string(method_) + ": " + std::move(text)};
}

const Option* Params::find(std::string_view name) const {
  const auto given = std::span(options_).first(options_given_);
  const auto found = std::ranges::find(given, name, &Option::name);
  return found == given.end() ? nullptr : &*found;
}

}  // namespace pannier::daemon
