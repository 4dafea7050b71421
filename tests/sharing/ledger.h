// What a writer has begun and has done to each key, in memory that readers in other processes map: by this
// they judge what they read.
//
// The operations on a key are numbered. What operation n of key k is, follows from both. A reader that finds
// number n must have found it between `done` before it read and `begun` after it.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace pannier::tests {

inline constexpr std::uint32_t kKeys = 4'000;

struct Operation {
  enum class Kind : std::uint8_t { kDelete, kPut, kPutForAMoment } kind;
  std::uint32_t bytes;   ///< of the value, of puts
  std::uint32_t ttl_ms;  ///< of kPutForAMoment
};
Operation operation(std::uint32_t key, std::uint64_t number);

std::string key_text(std::uint32_t key);
/// Key, number, deadline (milliseconds of wall time), a sum of all, and bytes that follow from them.
std::string value_text(std::uint32_t key, std::uint64_t number, std::int64_t deadline, std::uint32_t bytes);
struct Value {
  std::uint32_t key;
  std::uint64_t number;
  std::int64_t deadline;
};
/// Nothing if it is torn.
std::optional<Value> value_from(std::string_view text);

struct Ledger {
  struct Row {
    std::atomic<std::uint64_t> begun;
    std::atomic<std::uint64_t> done;
  };
  Row rows[kKeys];
  std::atomic<std::uint64_t> reads;  ///< of all readers
  std::atomic<std::uint64_t> hits;
  std::atomic<bool> is_over;
  /// The first fault that a reader found; it is over then.
  std::atomic<bool> is_faulty;
  char fault[256];

  void report(const std::string& text);
};

/// What is wrong with a hit, or with a miss (no text), of a key, for which `done` was read before and `begun`
/// after. `now_before` is the time before. Empty: nothing.
std::string fault_of_hit(std::uint32_t key, std::string_view text, std::uint64_t done, std::uint64_t begun,
                         std::int64_t now_before);
std::string fault_of_miss(std::uint32_t key, std::uint64_t done, std::uint64_t begun);

}  // namespace pannier::tests
