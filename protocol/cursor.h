// Cursor reads typed items, one after the other, from bytes that are known to be whole and well formed (a
// frame that FrameScanner has passed, or a value out of the store). Each read_* either takes the next item
// and returns it, or leaves the cursor where it was and returns nothing: the caller knows what it expected
// and words the error.
//
// It never allocates and never copies: strings are views into the frame. It is safe on bytes that are not
// well formed too (it never reads past their end), then the results mean nothing.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "protocol/bytes.h"
#include "protocol/item_head.h"

namespace pannier::protocol {

/// "nil", "boolean", "integer", "float", "string", "binary", "array", "map", "ext": for error texts.
std::string_view type_name(Type type);

class Cursor {
 public:
  explicit Cursor(Bytes bytes) : rest_(bytes) {}

  bool at_end() const { return rest_.empty(); }
  /// The type of the next item; nothing at the end, or where no item can start.
  std::optional<Type> peek() const;

  bool read_nil();
  std::optional<bool> read_bool();
  /// Any MessagePack integer that fits, however it is encoded; one above INT64_MAX is left for read_unsigned.
  std::optional<std::int64_t> read_integer();
  /// Any MessagePack integer from 0 to UINT64_MAX, however it is encoded.
  std::optional<std::uint64_t> read_unsigned();
  /// Of either width; an integer is none.
  std::optional<double> read_float();
  /// The bytes of a str or a bin: the contract treats both alike.
  std::optional<Bytes> read_string();
  /// The number of items, or of pairs, that follow.
  std::optional<std::uint32_t> read_array();
  std::optional<std::uint32_t> read_map();
  /// The next object whole, with everything in it, as the bytes it is encoded in. Nothing at the end, or if
  /// it is cut short. Takes no memory for nesting, whatever its depth.
  std::optional<Bytes> read_object();

  Bytes rest() const { return rest_; }

 private:
  Bytes rest_;
};

/// A short readable form of the object that `object` starts with, for error texts: `integer -5`, `string
/// "abc"`, `array of 3`, `nil`, `ext of type 5 and 16 bytes`. Strings are quoted() and shortened. "nothing"
/// where none starts.
std::string described(Bytes object);

}  // namespace pannier::protocol
