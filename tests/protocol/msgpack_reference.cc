#include "tests/protocol/msgpack_reference.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "protocol/item_head.h"

namespace pannier::protocol {
namespace {

struct DepthVisitor : msgpack::null_visitor {
  bool start_array(std::uint32_t) { return start(); }
  bool end_array() { return end(); }
  bool start_map(std::uint32_t) { return start(); }
  bool end_map() { return end(); }
  void parse_error(std::size_t, std::size_t) { is_malformed = true; }
  void insufficient_bytes(std::size_t, std::size_t) { is_cut_short = true; }

  bool start() {
    depth_max = std::max(depth_max, ++depth);
    return true;
  }
  bool end() {
    --depth;
    return true;
  }

  std::size_t depth = 0;
  std::size_t depth_max = 0;
  bool is_malformed = false;
  bool is_cut_short = false;
};

bool same_float(std::optional<double> read, double expected) {
  return read && std::bit_cast<std::uint64_t>(*read) == std::bit_cast<std::uint64_t>(expected);
}

Bytes view(const char* data, std::uint32_t size) { return size == 0 ? Bytes() : Bytes(data, size); }

bool reads_as_ext(Cursor& cursor, const msgpack::object_ext& ext) {
  if (cursor.peek() != Type::kExt) return false;
  const auto encoded = cursor.read_object();
  if (!encoded) return false;
  const Bytes type_and_data = encoded->substr(head_of(form_of(encoded->front()), *encoded).head_bytes);
  return type_and_data.front() == ext.type() && type_and_data.substr(1) == view(ext.data(), ext.size);
}

bool reads_as_array(Cursor& cursor, const msgpack::object_array& array) {
  if (cursor.read_array() != array.size) return false;
  return std::all_of(array.ptr, array.ptr + array.size,
                     [&](const auto& item) { return reads_as(cursor, item); });
}

bool reads_as_map(Cursor& cursor, const msgpack::object_map& map) {
  if (cursor.read_map() != map.size) return false;
  return std::all_of(map.ptr, map.ptr + map.size, [&](const auto& pair) {
    return reads_as(cursor, pair.key) && reads_as(cursor, pair.val);
  });
}

}  // namespace

ReferenceParse reference_parse(Bytes bytes) {
  using Result = ReferenceParse::Result;
  if (bytes.empty()) return {Result::kCutShort, 0, 0};
  DepthVisitor visitor;
  std::size_t size = 0;
  const bool is_whole = msgpack::parse(bytes.data(), bytes.size(), size, visitor);
  if (is_whole) return {Result::kWhole, size, visitor.depth_max};
  return {visitor.is_malformed ? Result::kMalformed : Result::kCutShort, 0, visitor.depth_max};
}

bool reads_as(Cursor& cursor, const msgpack::object& object) {
  switch (object.type) {
    case msgpack::type::NIL:
      return cursor.read_nil();
    case msgpack::type::BOOLEAN:
      return cursor.read_bool() == object.via.boolean;
    case msgpack::type::POSITIVE_INTEGER:
      return cursor.read_unsigned() == object.via.u64;
    case msgpack::type::NEGATIVE_INTEGER:
      return cursor.read_integer() == object.via.i64;
    case msgpack::type::FLOAT32:
    case msgpack::type::FLOAT64:
      return same_float(cursor.read_float(), object.via.f64);
    case msgpack::type::STR:
      return cursor.peek() == Type::kString &&
             cursor.read_string() == view(object.via.str.ptr, object.via.str.size);
    case msgpack::type::BIN:
      return cursor.peek() == Type::kBinary &&
             cursor.read_string() == view(object.via.bin.ptr, object.via.bin.size);
    case msgpack::type::ARRAY:
      return reads_as_array(cursor, object.via.array);
    case msgpack::type::MAP:
      return reads_as_map(cursor, object.via.map);
    case msgpack::type::EXT:
      return reads_as_ext(cursor, object.via.ext);
  }
  return false;
}

}  // namespace pannier::protocol
