// The head of a MessagePack object: its first byte and the length that may follow. FrameScanner and Cursor
// both walk over objects by their heads; the table of what each first byte means stands here alone.
//
// Source: the MessagePack specification (github.com/msgpack/msgpack/blob/master/spec.md), "Overview" of the
// formats.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "protocol/bytes.h"

namespace pannier::protocol {

enum class Type : std::uint8_t { kNil, kBool, kInteger, kFloat, kString, kBinary, kArray, kMap, kExt };

/// What the first byte of an object says.
struct ItemForm {
  Type type;
  /// Bytes of the big-endian length after the first byte: 0, 1, 2 or 4.
  std::uint8_t length_bytes;
  /// Added to that length: the count in the first byte itself, the width of a number, the type byte of an
  /// ext.
  std::uint8_t fixed;
  /// False for 0xc1 alone, which the specification never uses; then the other members mean nothing.
  bool is_used;
};

struct ItemHead {
  Type type;
  /// The first byte and the length: 1 to 5.
  std::size_t head_bytes;
  /// Bytes after the head that belong to this object itself: of a number, a string, an ext with its type
  /// byte.
  std::uint64_t body_bytes;
  /// Objects after the head that belong to this one: the items of an array, the keys and values of a map.
  std::uint64_t children;
};

/// By first byte.
extern const std::array<ItemForm, 256> kItemForms;

inline ItemForm form_of(char first) { return kItemForms[static_cast<unsigned char>(first)]; }

/// An unsigned big-endian number of bytes.size() bytes, at most 8.
inline std::uint64_t big_endian(Bytes bytes) {
  std::uint64_t value = 0;
  for (const char byte : bytes) value = value << 8 | static_cast<unsigned char>(byte);
  return value;
}

/// The head of the object that `bytes` starts with. Precondition: bytes.size() > form.length_bytes, and
/// `form` is form_of the first byte, which is used.
inline ItemHead head_of(ItemForm form, Bytes bytes) {
  std::uint64_t length = form.fixed;
  if (form.length_bytes > 0) length += big_endian({bytes.data() + 1, form.length_bytes});
  const std::size_t head_bytes = 1U + form.length_bytes;
  if (form.type == Type::kArray) return {form.type, head_bytes, 0, length};
  if (form.type == Type::kMap) return {form.type, head_bytes, 0, 2 * length};
  return {form.type, head_bytes, length, 0};
}

}  // namespace pannier::protocol
