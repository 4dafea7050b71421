// Keys as C++ objects. The daemon's keys are bytes; key_bytes() turns an object into the same bytes in every
// process and every release of this library, and key_from() turns them back:
//
//   std::string, string_view, "literal"   the bytes themselves
//   anything else that pack() takes       its MessagePack object, as value.h has it
//
// So the integer 7 is the one byte 07 whatever its C++ type, and the pair (7, "a") is 92 07 a1 61, which any
// client can write. Of floating-point numbers, those without a fraction are packed as that integer (2.0 as 2,
// and -0.0 as 0), others with the width of their type. Containers without an order (std::unordered_map,
// std::unordered_set) may pack two equal objects differently, and are refused at compile time as keys; an own
// type must not pack one either.
//
// All keys of one cache should be of one type: the text "\x07" and the integer 7 are the same bytes.
#pragma once

#include <concepts>
#include <string>
#include <string_view>

#include "pannier/value.h"

namespace pannier {

template <class T>
concept TextKey = std::convertible_to<const T&, std::string_view>;

template <class T>
concept Unordered = requires {
  typename T::hasher;
};

/// The bytes of `key`: a view of a TextKey, a new string of others.
template <class Key>
auto key_bytes(const Key& key) {
  static_assert(!Unordered<Key>, "a key has to be packed the same way each time");
  if constexpr (TextKey<Key>) {
    return std::string_view(key);
  } else {
    return pack(key);
  }
}

/// The key whose bytes these are; a std::string_view views them. UnpackError: they are of another type.
template <class Key>
Key key_from(std::string_view bytes) {
  if constexpr (TextKey<Key>) {
    return Key(bytes);
  } else {
    return unpack<Key>(bytes);
  }
}

}  // namespace pannier
