// How a fuzz target says that something is wrong: it prints what should hold and aborts, which is a finding.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "protocol/bytes.h"

namespace pannier::fuzz {

inline void check(bool holds, const char* claim) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n", claim);
  std::abort();
}

inline protocol::Bytes bytes_of(const std::uint8_t* data, std::size_t size) {
  return size == 0 ? protocol::Bytes() : protocol::Bytes(reinterpret_cast<const char*>(data), size);
}

}  // namespace pannier::fuzz
