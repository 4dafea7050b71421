// The work that all servers get: entries by number. A number is one key of 16 bytes, printable, and the keys
// of consecutive numbers have nothing in common.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace pannier::bench {

inline constexpr std::size_t kKeyBytes = 16;
inline constexpr std::size_t kValueBytesMax = 1024;

using Key = std::array<char, kKeyBytes>;

inline std::string_view view_of(const Key& key) { return {key.data(), key.size()}; }

/// 16 hexadecimal digits: the number mixed by the finalizer of SplitMix64, which maps no two to one.
inline Key key_of(std::uint64_t number) {
  std::uint64_t mixed = number + 0x9e3779b97f4a7c15;
  mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9;
  mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111eb;
  mixed ^= mixed >> 31;
  Key key;
  for (auto& digit : key) {
    digit = "0123456789abcdef"[mixed & 15];
    mixed >>= 4;
  }
  return key;
}

/// So many bytes from number `first` on.
struct Entries {
  std::uint64_t first = 0;
  std::uint64_t count = 0;
  std::size_t value_bytes = 64;  ///< at most kValueBytesMax
};

/// The bytes of every value.
std::string_view value_of(std::size_t bytes);

/// Wall time in milliseconds.
std::int64_t wall_now_ms();

}  // namespace pannier::bench
