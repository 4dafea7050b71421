#include "protocol/writer.h"

#include <array>
#include <bit>

namespace pannier::protocol {
namespace {

/// Appends `first`, then the low `count` bytes of `number`, big-endian.
void append(std::string& out, unsigned first, std::uint64_t number, unsigned count) {
  std::array<char, 9> bytes;
  bytes[0] = static_cast<char>(first);
  for (unsigned i = count; i > 0; --i) {
    bytes[i] = static_cast<char>(number);
    number >>= 8;
  }
  out.append(bytes.data(), 1 + count);
}

}  // namespace

void Writer::nil() { out_.push_back('\xc0'); }

void Writer::boolean(bool value) { out_.push_back(value ? '\xc3' : '\xc2'); }

void Writer::integer(std::int64_t value) {
  const auto bits = static_cast<std::uint64_t>(value);
  if (value >= 0) return unsigned_integer(bits);
  if (value >= -32) return append(out_, static_cast<unsigned>(bits & 0xff), 0, 0);
  if (value >= INT8_MIN) return append(out_, 0xd0, bits, 1);
  if (value >= INT16_MIN) return append(out_, 0xd1, bits, 2);
  if (value >= INT32_MIN) return append(out_, 0xd2, bits, 4);
  append(out_, 0xd3, bits, 8);
}

void Writer::unsigned_integer(std::uint64_t value) {
  if (value < 0x80) return append(out_, static_cast<unsigned>(value), 0, 0);
  if (value <= UINT8_MAX) return append(out_, 0xcc, value, 1);
  if (value <= UINT16_MAX) return append(out_, 0xcd, value, 2);
  if (value <= UINT32_MAX) return append(out_, 0xce, value, 4);
  append(out_, 0xcf, value, 8);
}

void Writer::real(double value) { append(out_, 0xcb, std::bit_cast<std::uint64_t>(value), 8); }

void Writer::string(Bytes value) {
  const std::size_t size = value.size();
  if (size < 32) {
    append(out_, 0xa0 | static_cast<unsigned>(size), 0, 0);
  } else if (size <= UINT8_MAX) {
    append(out_, 0xd9, size, 1);
  } else if (size <= UINT16_MAX) {
    append(out_, 0xda, size, 2);
  } else {
    append(out_, 0xdb, size, 4);
  }
  out_.append(value);
}

void Writer::binary(Bytes value) {
  const std::size_t size = value.size();
  if (size <= UINT8_MAX) {
    append(out_, 0xc4, size, 1);
  } else if (size <= UINT16_MAX) {
    append(out_, 0xc5, size, 2);
  } else {
    append(out_, 0xc6, size, 4);
  }
  out_.append(value);
}

void Writer::key(Bytes value) {
  if (is_utf8(value)) return string(value);
  binary(value);
}

void Writer::array(std::uint32_t count) {
  if (count < 16) return append(out_, 0x90 | count, 0, 0);
  if (count <= UINT16_MAX) return append(out_, 0xdc, count, 2);
  append(out_, 0xdd, count, 4);
}

void Writer::map(std::uint32_t count) {
  if (count < 16) return append(out_, 0x80 | count, 0, 0);
  if (count <= UINT16_MAX) return append(out_, 0xde, count, 2);
  append(out_, 0xdf, count, 4);
}

void Writer::raw(Bytes object) { out_.append(object); }

void Writer::request_start(std::uint64_t id, Bytes method) {
  array(4);
  unsigned_integer(0);
  unsigned_integer(id);
  string(method);
}

void Writer::notification_start(Bytes method) {
  array(3);
  unsigned_integer(2);
  string(method);
}

void Writer::response_start(const MessageId& id) {
  array(4);
  unsigned_integer(1);
  raw(id.encoded());
  nil();
}

void Writer::response_error(const MessageId& id, const Error& error) {
  array(4);
  unsigned_integer(1);
  raw(id.encoded());
  string(error.wire_text());
  nil();
}

}  // namespace pannier::protocol
