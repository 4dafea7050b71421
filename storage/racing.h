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
#include <string>
#include <string_view>

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
/// The same, to a string that becomes so long.
inline void read_racing(std::string& to, const char* from, std::uint64_t bytes) {
  if constexpr (kStoresAreChecked) {
    to.resize(bytes);
    read_racing(to.data(), from, bytes);
  } else {
    // Not zeros first.
    std::atomic_signal_fence(std::memory_order_seq_cst);
    if (bytes <= to.capacity()) {
      to.assign(from, bytes);
    } else {
      to = std::string(from, bytes);
    }
    asm volatile("" : : "r"(to.data()) : "memory");
  }
}

/// A word that may begin anywhere. Its bytes may be of different times.
template <typename Word>
Word load_racing_at(const void* place) {
  Word word{};
  if constexpr (kStoresAreChecked) {
    read_racing(&word, place, sizeof word);
  } else {
    using Anywhere [[gnu::aligned(1), gnu::may_alias]] = Word;
    word = *static_cast<const volatile Anywhere*>(place);
  }
  return word;
}
/// Its halves may be of different times.
inline std::uint64_t load_racing_halves(const Word64& word) { return load_racing_at<std::uint64_t>(&word); }

/// memcmp() == 0 with memory that another process may be writing.
inline bool equal_racing(const char* bytes, std::string_view wanted) {
  const auto differ = [&]<typename Word>(Word, std::uint64_t at) {
    Word word{};
    std::memcpy(&word, wanted.data() + at, sizeof word);
    return load_racing_at<Word>(bytes + at) != word;
  };
  const std::uint64_t size = wanted.size();
  // The last word may have bytes of the one before it.
  if (size >= 8) {
    for (std::uint64_t at = 0; at + 8 < size; at += 8) {
      if (differ(std::uint64_t{}, at)) return false;
    }
    return !differ(std::uint64_t{}, size - 8);
  }
  if (size >= 4) return !differ(std::uint32_t{}, 0) && !differ(std::uint32_t{}, size - 4);
  if (size >= 2) return !differ(std::uint16_t{}, 0) && !differ(std::uint16_t{}, size - 2);
  return size == 0 || !differ(std::uint8_t{}, 0);
}

}  // namespace pannier::storage
