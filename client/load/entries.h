// Entries: what a load writes and reads, by number: a key of 16 bytes, and a value of a fixed size that only
// this key has, so that a value under the wrong key is noticed.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace pannier::load {

inline constexpr std::size_t kKeyBytes = 16;

using Key = std::array<char, kKeyBytes>;

inline std::string_view view_of(const Key& key) { return {key.data(), key.size()}; }

/// The finalizer of SplitMix64, which maps no two numbers to one.
inline std::uint64_t mixed(std::uint64_t number) {
  number += 0x9e3779b97f4a7c15;
  number = (number ^ (number >> 30)) * 0xbf58476d1ce4e5b9;
  number = (number ^ (number >> 27)) * 0x94d049bb133111eb;
  return number ^ (number >> 31);
}

/// 16 hexadecimal digits: the number mixed. The keys of consecutive numbers have nothing in common.
inline Key key_of(std::uint64_t number) {
  std::uint64_t rest = mixed(number);
  Key key;
  for (auto& digit : key) {
    digit = "0123456789abcdef"[rest & 15];
    rest >>= 4;
  }
  return key;
}

class Entries {
 public:
  /// Numbers from 0 to `count` - 1.
  Entries(std::uint32_t count, std::size_t value_bytes);

  std::uint32_t count() const { return count_; }
  std::size_t value_bytes() const { return filler_.size(); }
  /// The key's own bytes, then the same noise in all values; cut where it is shorter than the key.
  void append_value(std::string& out, std::uint32_t number) const;

 private:
  std::uint32_t count_;
  std::string filler_;
};

}  // namespace pannier::load
