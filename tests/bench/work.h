// The work that all servers get: entries by number. A number is one key of 16 bytes, printable, and the keys
// of consecutive numbers have nothing in common.
#pragma once

#include <cstdint>
#include <string_view>

#include "client/load/entries.h"

namespace pannier::bench {

using load::Key;
using load::key_of;
using load::kKeyBytes;
using load::view_of;

inline constexpr std::size_t kValueBytesMax = 1024;

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
