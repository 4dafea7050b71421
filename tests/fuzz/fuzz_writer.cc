// Items drawn from the input are written by Writer and by msgpack-c: the bytes are the same, and Cursor reads
// back what was written. Each item is one byte that chooses it, and as many bytes as it then needs.

#include <bit>
#include <cmath>
#include <cstring>
#include <string>

#include <msgpack.hpp>

#include "protocol/cursor.h"
#include "protocol/writer.h"
#include "tests/fuzz/check.h"

namespace {

using namespace pannier::protocol;
using pannier::fuzz::check;

/// Values out of the input; zero bytes after its end.
class Draw {
 public:
  explicit Draw(Bytes input) : input_(input) {}

  bool at_end() const { return input_.empty(); }
  std::uint8_t byte() {
    if (input_.empty()) return 0;
    const auto byte = static_cast<std::uint8_t>(input_.front());
    input_.remove_prefix(1);
    return byte;
  }
  /// Any number, small ones as likely as large ones: its first byte says how many others count.
  std::uint64_t number() {
    std::uint64_t number = 0;
    for (unsigned count = byte() % 9U; count > 0; --count) number = number << 8 | byte();
    return number;
  }
  /// What the input holds, repeated: mostly up to 255 bytes, at times up to 70,000.
  std::string bytes() {
    const std::size_t size = byte() % 8 == 7 ? number() % 70'000 : byte();
    const Bytes pattern = input_.substr(0, 4);
    input_.remove_prefix(pattern.size());
    std::string bytes(size, '\0');
    for (std::size_t i = 0; i < size && !pattern.empty(); ++i) bytes[i] = pattern[i % pattern.size()];
    return bytes;
  }

 private:
  Bytes input_;
};

struct Both {
  std::string written;
  Writer writer{written};
  msgpack::sbuffer packed;
  msgpack::packer<msgpack::sbuffer> packer{packed};

  void compare() const {
    check(written.size() == packed.size() && std::memcmp(written.data(), packed.data(), packed.size()) == 0,
          "both write the same bytes");
  }
};

void read_back_number(const Both& both, std::size_t start, std::uint64_t value) {
  Cursor cursor(Bytes(both.written).substr(start));
  check(cursor.read_unsigned() == value && cursor.at_end(), "an unsigned integer is read back");
}

void write_signed(Both& both, std::uint64_t bits) {
  const auto value = std::bit_cast<std::int64_t>(bits);
  const std::size_t start = both.written.size();
  both.writer.integer(value);
  both.packer.pack_int64(value);
  Cursor cursor(Bytes(both.written).substr(start));
  check(cursor.read_integer() == value && cursor.at_end(), "an integer is read back");
}

void write_real(Both& both, std::uint64_t bits) {
  auto value = std::bit_cast<double>(bits);
  if (value == std::trunc(value)) value = 0.5;  // msgpack-c packs an integral float as an integer
  both.writer.real(value);
  both.packer.pack_double(value);
}

void write_string(Both& both, const std::string& body, bool is_text) {
  const std::size_t start = both.written.size();
  const auto size = static_cast<std::uint32_t>(body.size());
  if (is_text) {
    both.writer.string(body);
    both.packer.pack_str(size).pack_str_body(body.data(), size);
  } else {
    both.writer.binary(body);
    both.packer.pack_bin(size).pack_bin_body(body.data(), size);
  }
  Cursor cursor(Bytes(both.written).substr(start));
  check(cursor.peek() == (is_text ? Type::kString : Type::kBinary), "a string keeps its type");
  check(cursor.read_string() == body && cursor.at_end(), "a string is read back");
}

void write_key(Both& both, const std::string& key) {
  const std::size_t start = both.written.size();
  both.writer.key(key);
  Cursor cursor(Bytes(both.written).substr(start));
  check(cursor.peek() == (is_utf8(key) ? Type::kString : Type::kBinary), "a key is text where it can be");
  check(cursor.read_string() == key && cursor.at_end(), "a key is read back");
  both.packed.write(both.written.data() + start, both.written.size() - start);
}

void write_item(Both& both, Draw& draw) {
  switch (draw.byte() % 10) {
    case 0:
      both.writer.nil();
      both.packer.pack_nil();
      return;
    case 1: {
      const bool value = draw.byte() % 2 != 0;
      both.writer.boolean(value);
      value ? both.packer.pack_true() : both.packer.pack_false();
      return;
    }
    case 2:
      return write_signed(both, draw.number());
    case 3:
      return write_signed(both, 0 - draw.number());
    case 4: {
      const std::uint64_t value = draw.number();
      const std::size_t start = both.written.size();
      both.writer.unsigned_integer(value);
      both.packer.pack_uint64(value);
      return read_back_number(both, start, value);
    }
    case 5:
      return write_real(both, draw.number());
    case 6:
      return write_string(both, draw.bytes(), true);
    case 7:
      return write_string(both, draw.bytes(), false);
    case 8:
      return write_key(both, draw.bytes());
    default: {
      const auto count = static_cast<std::uint32_t>(draw.number());
      const bool is_map = draw.byte() % 2 != 0;
      const std::size_t start = both.written.size();
      is_map ? both.writer.map(count) : both.writer.array(count);
      is_map ? both.packer.pack_map(count) : both.packer.pack_array(count);
      Cursor cursor(Bytes(both.written).substr(start));
      check((is_map ? cursor.read_map() : cursor.read_array()) == count && cursor.at_end(),
            "a count is read back");
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr int kItemsMax = 24;
  Draw draw(pannier::fuzz::bytes_of(data, size));
  Both both;
  for (int items = 0; items < kItemsMax && !draw.at_end(); ++items) write_item(both, draw);
  both.compare();
  return 0;
}
