#include "tests/protocol/samples.h"

#include "tests/protocol/hex.h"

namespace pannier::protocol {
namespace {

struct Sized {
  const char* head;
  std::size_t size;
};

constexpr Sized kBodies[] = {
    // str
    {"a0", 0},
    {"a1", 1},
    {"bf", 31},
    {"d900", 0},
    {"d901", 1},
    {"d91f", 31},
    {"d920", 32},
    {"d9ff", 255},
    {"da0000", 0},
    {"da00ff", 255},
    {"da0100", 256},
    {"daffff", 65535},
    {"db00000000", 0},
    {"db00000001", 1},
    {"db0000ffff", 65535},
    {"db00010000", 65536},
    // bin
    {"c400", 0},
    {"c401", 1},
    {"c4ff", 255},
    {"c50000", 0},
    {"c500ff", 255},
    {"c50100", 256},
    {"c5ffff", 65535},
    {"c600000000", 0},
    {"c60000ffff", 65535},
    {"c600010000", 65536},
    // ext: the type byte is the last of the head
    {"d405", 1},
    {"d5ff", 2},
    {"d67f", 4},
    {"d780", 8},
    {"d800", 16},
    {"c70005", 0},
    {"c70305", 3},
    {"c7ff05", 255},
    {"c8000005", 0},
    {"c800ff05", 255},
    {"c8010005", 256},
    {"c8ffff05", 65535},
    {"c90000000005", 0},
    {"c90000000105", 1},
    {"c90001000005", 65536},
};

constexpr const char* kNumbers[] = {
    "cc00",
    "cc7f",
    "cc80",
    "ccff",
    "cd0000",
    "cd00ff",
    "cd0100",
    "cd7fff",
    "cd8000",
    "cdffff",
    "ce00000000",
    "ce0000ffff",
    "ce00010000",
    "ce7fffffff",
    "ce80000000",
    "ceffffffff",
    "cf0000000000000000",
    "cf00000000ffffffff",
    "cf0000000100000000",
    "cf7fffffffffffffff",
    "cf8000000000000000",
    "cfffffffffffffffff",
    "d000",
    "d07f",
    "d080",
    "d0df",
    "d0e0",
    "d0ff",
    "d10000",
    "d17fff",
    "d18000",
    "d1ff7f",
    "d1ffff",
    "d200000000",
    "d27fffffff",
    "d280000000",
    "d2ffff7fff",
    "d2ffffffff",
    "d30000000000000000",
    "d37fffffffffffffff",
    "d38000000000000000",
    "d3ffffffff7fffffff",
    "d3ffffffffffffffff",
    "ca00000000",
    "ca80000000",
    "ca3fc00000",
    "ca7f800000",
    "ca7fc00000",
    "ca00000001",
    "ca7f7fffff",
    "cb0000000000000000",
    "cb8000000000000000",
    "cb3ff8000000000000",
    "cb7ff0000000000000",
    "cbfff0000000000000",
    "cb7ff8000000000000",
    "cb0000000000000001",
    "cb7fefffffffffffff",
};

// Containers: `size` bytes of body are as many small integers.
constexpr Sized kContainers[] = {
    {"90", 0},
    {"91", 1},
    {"9f", 15},
    {"dc0000", 0},
    {"dc0001", 1},
    {"dc000f", 15},
    {"dc0010", 16},
    {"dcffff", 65535},
    {"dd00000000", 0},
    {"dd00000010", 16},
    {"dd00010000", 65536},
    {"80", 0},
    {"81", 2},
    {"8f", 30},
    {"de0000", 0},
    {"de0001", 2},
    {"de0010", 32},
    {"de8000", 65536},
    {"df00000000", 0},
    {"df00000001", 2},
    {"df00010000", 131072},
};

constexpr const char* kNested[] = {
    "93 91 01 92 02 90 c0",
    "82 a1 61 81 a1 62 93 c2 c3 c0 a1 63 c4 02 00 ff",
    "92 dc 00 02 d9 01 61 c5 00 01 62 df 00 00 00 01 c0 dd 00 00 00 00",
    "81 92 01 02 81 80 90",  // containers as keys
    "94 00 01 a3 70 75 74 94 a3 6c 72 75 a1 6b d6 ff 5f 00 00 01 81 a6 74 74 6c 5f 6d 73 cd 03 e8",
};

}  // namespace

std::string with_body(std::string_view head_hex, std::size_t size) {
  std::string object = from_hex(head_hex);
  for (std::size_t i = 0; i < size; ++i) object.push_back(static_cast<char>(i % 128));
  return object;
}

std::string nested_arrays(std::size_t depth) { return std::string(depth - 1, '\x91') + '\x90'; }

std::string nested_maps(std::size_t depth) {
  std::string object;
  for (std::size_t level = 1; level < depth; ++level) object += "\x81\xc0";
  return object + '\x80';
}

std::vector<std::string> sample_objects() {
  std::vector<std::string> objects = {from_hex("c0"), from_hex("c2"), from_hex("c3")};
  for (unsigned byte = 0; byte < 256; ++byte) {
    if (byte < 0x80 || byte >= 0xe0) objects.emplace_back(1, static_cast<char>(byte));
  }
  for (const char* number : kNumbers) objects.push_back(from_hex(number));
  for (const auto& [head, size] : kBodies) objects.push_back(with_body(head, size));
  for (const auto& [head, size] : kContainers) objects.push_back(with_body(head, size));
  for (const char* nested : kNested) objects.push_back(from_hex(nested));
  return objects;
}

}  // namespace pannier::protocol
