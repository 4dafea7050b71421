// Values as C++ objects. On the wire and in the cache a value is one MessagePack object, kept byte for byte;
// pack() and unpack() turn C++ types into one and back, by msgpack-c. Own types take part as msgpack-c has
// it: with MSGPACK_DEFINE(members...) in the class.
//
//   bool, integers, float, double        the MessagePack type of that name
//   std::string, string_view, "literal"  str
//   std::vector<char>, <unsigned char>   bin
//   vector, array, tuple, pair, set ...  array
//   std::map, std::unordered_map         map
//   std::optional<T>, nullptr            nil, or T
//   msgpack::object_handle               unpack<> gives any value as a tree
//
// What would view the bytes that it is unpacked from (std::string_view, msgpack::object, a vector of either)
// is refused at compile time, but for members of own types. Both functions are thread-safe and own nothing.
#pragma once

#include <cstddef>
#include <msgpack.hpp>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <typeinfo>
#include <utility>

#include "pannier/error.h"

namespace pannier {

namespace detail {

/// The sink that msgpack-c's packer wants, over a string.
struct StringSink {
  std::string bytes;
  void write(const char* data, std::size_t size) { bytes.append(data, size); }
};

template <class T, class... Others>
inline constexpr bool kIsOneOf = (std::is_same_v<T, Others> || ...);

/// Whether a T that was unpacked would view what it was unpacked from.
template <class T>
consteval bool is_view() {
  if constexpr (std::is_pointer_v<T> || kIsOneOf<T, std::string_view, msgpack::object, msgpack::type::raw_ref,
                                                 msgpack::type::ext_ref>) {
    return true;
  } else if constexpr (requires { typename T::value_type; }) {
    return is_view<std::remove_cv_t<typename T::value_type>>();
  } else if constexpr (requires { std::tuple_size<T>::value; }) {
    return []<std::size_t... i>(std::index_sequence<i...>) {
      return (is_view<std::remove_cv_t<std::tuple_element_t<i, T>>>() || ...);
    }
    (std::make_index_sequence<std::tuple_size_v<T>>());
  }
  return false;
}

[[noreturn]] void throw_unpack_error(std::string_view packed, const char* type);

}  // namespace detail

/// `value` as one MessagePack object.
template <class T>
std::string pack(const T& value) {
  detail::StringSink sink;
  if constexpr (std::is_null_pointer_v<T>) {
    msgpack::pack(sink, msgpack::type::nil_t());
  } else if constexpr (std::is_convertible_v<const T&, std::string_view>) {
    msgpack::pack(sink, std::string_view(value));
  } else {
    msgpack::pack(sink, value);
  }
  return std::move(sink.bytes);
}

/// The MessagePack object `packed` as a T, which owns all of its data. UnpackError: it is of another type,
/// out of T's range, or not exactly one object.
template <class T>
T unpack(std::string_view packed) {
  static_assert(!detail::is_view<T>(), "unpack<T>: T has to own its data; use std::string");
  try {
    std::size_t end = 0;
    msgpack::object_handle handle = msgpack::unpack(packed.data(), packed.size(), end);
    if (end == packed.size()) {
      if constexpr (std::is_same_v<T, msgpack::object_handle>) {
        return handle;
      } else {
        return handle->as<T>();
      }
    }
  } catch (const msgpack::type_error&) {
  } catch (const msgpack::unpack_error&) {
  }
  detail::throw_unpack_error(packed, typeid(T).name());
}

}  // namespace pannier
