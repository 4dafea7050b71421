// UseRing: how a reader in another process (shared_reader.h) tells the daemon what it has read: for counters,
// and so that what is in use does not go for space. One memory region for each such process, which both
// write, beside the arena, which only the daemon does. It loses what is too much, and the daemon believes
// nothing that is in it: all that false numbers can do is to count hits and uses that were none.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cstdint>

#include "storage/arena_layout.h"
#include "storage/types.h"

namespace pannier::storage {

/// All zero at the beginning. Thread safety: any number of threads of any number of processes may note at
/// once; one takes.
class UseRing {
 public:
  static constexpr std::uint32_t kUses = 1'024;
  static constexpr std::uint32_t kCounters = 64;

  struct Use {
    Ref ref;
    Version version;
    bool is_sample = false;  ///< one of kReadsASample reads, chosen by chance
  };
  static constexpr std::uint64_t kReadsASample = 64;

  // -- for readers

  /// Hits of one cache by one thread, which needs no bus lock to count alone.
  class alignas(64) Counter {
   public:
    void note_hit() { hits_.store(hits_.load(std::memory_order_relaxed) + 1, std::memory_order_release); }

   private:
    friend class UseRing;
    std::atomic<std::uint64_t> hits_;
    std::atomic<std::uint32_t> ordinal_;
  };
  /// One that nobody else gets; it is never given back. Nullptr when all are taken.
  Counter* take_counter(std::uint32_t ordinal) {
    if (counters_taken_.load() >= kCounters) return nullptr;
    const std::uint32_t number = counters_taken_.fetch_add(1);
    if (number >= kCounters) return nullptr;
    counters_[number].ordinal_.store(ordinal);
    return &counters_[number];
  }
  /// By whoever has no counter.
  void note_hit(std::uint32_t ordinal) {
    hits_[ordinal % kCachesMax].fetch_add(1);
    std::atomic<std::uint64_t>& word = touched_[ordinal % kCachesMax / 64];
    const std::uint64_t bit = std::uint64_t{1} << ordinal % 64;
    if ((word.load() & bit) == 0) word.fetch_or(bit);
  }
  /// That the entry with this version was there.
  void note_use(Use use) {
    Slot& slot = slots_[noted_.fetch_add(1, std::memory_order_relaxed) % kUses];
    slot.ref.store(use.ref, std::memory_order_relaxed);
    slot.version.store(use.version | (use.is_sample ? kSampleBit : 0), std::memory_order_relaxed);
  }

  // -- for the daemon

  /// Where hits of a cache are counted: its ordinal, or kCachesMax + a counter's number.
  using Place = std::uint32_t;
  /// Calls `use` with each place where hits may have been noted since the last call, the ordinal of its
  /// cache, and how many there were in all.
  template <typename Use>
  void take_hits(Use use) {
    const std::uint32_t taken = std::min(counters_taken_.load(), kCounters);
    for (std::uint32_t i = 0; i < taken; ++i) {
      // What counts hits has its ordinal.
      const std::uint64_t hits = counters_[i].hits_.load(std::memory_order_acquire);
      use(kCachesMax + i, counters_[i].ordinal_.load() % kCachesMax, hits);
    }
    for (std::uint32_t i = 0; i < kCachesMax / 64; ++i) {
      if (touched_[i].load(std::memory_order_relaxed) == 0) continue;
      // Before the hits are read: one that is noted meanwhile touches it again.
      for (std::uint64_t bits = touched_[i].exchange(0); bits != 0; bits &= bits - 1) {
        const std::uint32_t ordinal = i * 64 + static_cast<std::uint32_t>(std::countr_zero(bits));
        use(ordinal, ordinal, hits_[ordinal].load());
      }
    }
  }
  std::uint64_t noted() const { return noted_.load(std::memory_order_relaxed); }
  /// The one with this number, if it was not overwritten.
  Use use(std::uint64_t number) const {
    const Slot& slot = slots_[number % kUses];
    const std::uint64_t version = slot.version.load(std::memory_order_relaxed);
    return {slot.ref.load(std::memory_order_relaxed), version & ~kSampleBit, (version & kSampleBit) != 0};
  }

 private:
  static constexpr std::uint64_t kSampleBit = std::uint64_t{1} << 63;  ///< no version has it

  struct Slot {
    std::atomic<std::uint64_t> version;
    std::atomic<std::uint32_t> ref;
  };

  alignas(64) std::atomic<std::uint64_t> noted_;
  alignas(64) std::array<Slot, kUses> slots_;
  std::array<std::atomic<std::uint64_t>, kCachesMax / 64> touched_;  ///< a bit a cache
  std::array<std::atomic<std::uint64_t>, kCachesMax> hits_;
  std::array<Counter, kCounters> counters_;
  std::atomic<std::uint32_t> counters_taken_;
};
static_assert(std::atomic<std::uint64_t>::is_always_lock_free);

}  // namespace pannier::storage
