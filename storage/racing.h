// Loads and stores of memory that one process changes while others read it without a lock. A reader may see
// any mixture of old and new; that it notices this afterwards (shared_reader.h) is what makes it right. All
// are relaxed: order comes from the flux words around them.
//
// A store of the only writer is a plain one where the compiler keeps it whole, because nothing it does there
// depends on what others do. Under the thread sanitizer, which knows processes as threads, it is an atomic
// one.
#pragma once

#include <atomic>
#include <cstdint>
#include <cstring>

#include "storage/arena_layout.h"

namespace pannier::storage {

#if defined(__SANITIZE_THREAD__)
inline constexpr bool kStoresAreChecked = true;
#else
inline constexpr bool kStoresAreChecked = false;
#endif

template <typename Word>
Word load_racing(const Word& word) {
  return __atomic_load_n(&word, __ATOMIC_RELAXED);
}
/// In two halves, which may be of different times.
inline std::uint64_t load_racing_halves(const Word64& word) {
  const auto* const halves = reinterpret_cast<const std::uint32_t*>(&word);
  return load_racing(halves[0]) | std::uint64_t{load_racing(halves[1])} << 32;
}

template <typename Word>
void store_racing(Word& word, Word value) {
  __atomic_store_n(&word, value, __ATOMIC_RELAXED);
}
inline void store_racing_halves(Word64& word, std::uint64_t value) {
  if constexpr (kStoresAreChecked) {
    auto* const halves = reinterpret_cast<std::uint32_t*>(&word);
    store_racing(halves[0], static_cast<std::uint32_t>(value));
    store_racing(halves[1], static_cast<std::uint32_t>(value >> 32));
  } else {
    word = value;
  }
}

/// memcpy() into memory that others may be reading.
inline void write_racing(void* to, const void* from, std::uint64_t bytes) {
  if constexpr (!kStoresAreChecked) {
    std::memcpy(to, from, bytes);
    return;
  }
  auto* const target = static_cast<char*>(to);
  const auto* const source = static_cast<const char*>(from);
  for (std::uint64_t i = 0; i < bytes; ++i) store_racing(target[i], source[i]);
}

/// memcpy() out of memory that another process may be writing. What it copies may be of different times; the
/// compiler neither reads it twice nor believes that it stays.
inline void read_racing(void* to, const void* from, std::uint64_t bytes) {
  if constexpr (!kStoresAreChecked) {
    std::atomic_signal_fence(std::memory_order_seq_cst);
    std::memcpy(to, from, bytes);
    asm volatile("" : : "r"(to) : "memory");
    return;
  }
  auto* const target = static_cast<char*>(to);
  const auto* const source = static_cast<const char*>(from);
  for (std::uint64_t i = 0; i < bytes; ++i) target[i] = load_racing(source[i]);
}

}  // namespace pannier::storage
