// SharedReader reads entries out of an arena that another process, the daemon, writes: no lock, no system
// call, no allocation but the value's. It maps the arena read-only, so that it can disturb nobody, and trusts
// nothing in it: whatever the bytes are, it stays inside of the mapping, and ends.
//
// Each read is a look at the flux words, the read itself, and another look (a sequence lock: C. Lameter,
// "Effective synchronization on Linux/NUMA systems", 2005). Only if nothing that it went through was
// disturbed in between, it counts. So what it tells was true at some moment between its call and its return,
// and what was acknowledged to anyone before the call has happened.
//
// Where the mapping cannot tell (kElsewhere), the daemon can. That is so for what is not in memory, and for
// good when the daemon is gone: the kernel marks that in the arena itself, in the moment the process dies,
// before a successor can answer.
//
// Thread safety: any number of threads may read at once.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "storage/arena_layout.h"
#include "storage/cache_record.h"
#include "storage/entry.h"
#include "storage/index_bucket.h"
#include "storage/page_classes.h"
#include "storage/types.h"

namespace pannier::storage {

class SharedReader {
 public:
  struct Fault {
    std::string text;  ///< a whole sentence
  };
  /// The descriptor is the reader's from then on, whatever comes of it. It needs to be readable only.
  static std::variant<std::unique_ptr<SharedReader>, Fault> map(int fd);
  /// On memory that this very process writes, which must outlive it; by this a thread sanitizer sees both.
  static std::unique_ptr<SharedReader> over(const Arena& arena);
  ~SharedReader();
  SharedReader(const SharedReader&) = delete;
  SharedReader& operator=(const SharedReader&) = delete;

  /// Whether the daemon lives that served from the arena when it was mapped. A successor that has taken the
  /// same memory over is another.
  bool is_served() const;

  /// Where a cache was found; good until caches come, go, or are cleared, which is noticed.
  struct CacheAt {
    Ref record = kNoRef;
    std::uint32_t flux = 1;  ///< odd: never right
    std::uint32_t ordinal = 0;
  };
  /// A cache bounded to fewer entries is not read here: uses become known to the daemon too late for its
  /// order to be the exact one, and among so few that decides what goes.
  static constexpr std::uint64_t kEntriesMaxLeast = 64;
  /// False: there is no such cache, or it is being cleared, or all of that is about to change, or it is too
  /// small.
  bool find_cache(std::string_view name, CacheAt& cache) const;

  /// What a value is copied to: any bytes, after a read that was no hit.
  struct Room {
    std::string& value;
    std::uint64_t bytes_max = std::numeric_limits<std::uint64_t>::max();  ///< a larger value is not wanted
  };
  /// An entry as it was at one moment; that the same holds later is for is_unchanged() to tell.
  struct Seen {
    Version version = 0;
    TimeMs deadline = kNever;
    Ref ref = kNoRef;
    std::uint64_t place = 0;  ///< its last use (entry.h)
    std::uint64_t bucket = 0;
    std::uint32_t flux = 1;
    std::uint32_t wide_flux = 1;
  };
  enum class Outcome : std::uint8_t {
    kHit,
    kAbsent,        ///< not in memory, or past its deadline: a miss, or on disk
    kCacheIsMoved,  ///< find_cache() must be called anew
    kElsewhere,     ///< ask the daemon
  };
  Outcome get(const CacheAt& cache, std::string_view key, const Room& room, Seen& seen) const;
  /// What a get() waits for, in the order in which it can be fetched ahead: where the entry is, is known when
  /// its home has arrived.
  enum class Ahead : std::uint8_t { kHome, kEntry };
  /// Begins to fetch it into the processor's cache, for who knows the keys of some gets to come.
  void fetch_ahead(const CacheAt& cache, std::string_view key, Ahead what) const;
  /// Whether an entry that get() has seen is still the same, and not past its deadline. False may be wrong:
  /// then get() tells.
  bool is_unchanged(const CacheAt& cache, const Seen& seen) const;

  /// Wall time by the daemon's clock, in milliseconds.
  TimeMs now() const;
  /// The last use of an entry that was seen, in uses(); of one that has gone since, any number.
  std::uint64_t place(Ref ref) const;
  /// As many as the cache has in memory, or had a moment ago.
  std::uint64_t entries(const CacheAt& cache) const;
  /// Gives the memory back at once, whoever reads at this moment: for them, the daemon is gone.
  void let_go();

  /// How many uses all entries have had; an entry's place is one of these numbers.
  std::uint64_t uses() const;

 private:
  SharedReader(const char* base, std::uint64_t bytes, bool is_own);

  struct Slot {
    const char* bytes = nullptr;  ///< null: there is none
    std::uint32_t size = 0;
  };
  const SharingHead& sharing() const {
    return *reinterpret_cast<const SharingHead*>(base_ + HeadParts::kSharing);
  }
  struct Key {
    std::string_view bytes;
    std::uint64_t hash;
  };
  /// Whether nothing was disturbed of what was seen since its flux words were looked at.
  bool holds(const CacheAt& cache, const Seen& seen) const;
  /// Nothing if something was disturbed meanwhile.
  std::optional<Outcome> attempt(const CacheAt& cache, const Key& key, const Room& room, Seen& seen) const;
  [[gnu::noinline]] Outcome get_again(const CacheAt& cache, const Key& key, const Room& room,
                                      Seen& seen) const;
  bool is_due(TimeMs deadline) const;
  [[gnu::noinline]] bool is_past(TimeMs deadline) const;

  /// Of entries and pieces.
  Slot entry_slot(Ref ref) const;
  template <typename Type, std::uint32_t kBytes>
  const Type* at(Ref ref) const;
  void prefetch_bucket(Ref ref) const;
  const IndexHead* index_of(const CacheAt& cache) const;
  bool is_cache(Ref ref, std::string_view name) const;

  /// Where a key's entry is. Small enough for registers.
  struct Found {
    const char* bytes = nullptr;  ///< of its slot; null: there is none
    std::uint32_t slot_bytes = 0;
    Ref ref = kNoRef;  ///< of none: kUnclear, where that cannot be told
    static constexpr Ref kUnclear = 1;

    bool is_there() const { return bytes != nullptr; }
    bool is_none() const { return bytes == nullptr && ref == kNoRef; }
    static Found unclear() { return {.ref = kUnclear}; }
  };
  /// The first bucket of a home; null: it cannot be told.
  const IndexBucket* home(const IndexHead& index, std::uint64_t number) const;
  Found search(const IndexHead& index, std::uint64_t number, const Key& key) const;
  [[gnu::noinline]] Found search_overflow(Ref overflow, const Key& key) const;
  /// `matching`: a bit a slot, of buckets side by side, of each bucket as many as a bucket has words.
  Found match_any(const IndexBucket* buckets, std::uint32_t matching, const Key& key) const;
  Found match(Ref ref, const Key& key) const;
  static void prefetch_entry(const Slot& slot);
  [[gnu::noinline]] static void prefetch_large(const Slot& slot);
  bool copy_value(const CacheAt& cache, const Found& found, const Room& room, const Seen& seen) const;
  /// A function of its own, so that what get() needs afterwards stays in registers.
  [[gnu::noinline]] static void copy_whole(const char* from, std::uint64_t bytes, std::string& to);
  [[gnu::noinline]] bool copy_pieces(const Found& found, std::uint64_t size_words, const Room& room) const;

  const char* base_;
  std::uint64_t bytes_;
  bool is_own_;  ///< the mapping
  unsigned page_shift_;
  std::uint32_t pages_;
  std::array<std::uint32_t, 256> slot_bytes_{};  ///< by class; 0: none of entries
  std::uint64_t hash_seed_;
  std::uint32_t server_;  ///< which of all that have served
  const std::uint32_t* flux_;
  const Ref* cache_refs_;
  const std::uint8_t* page_classes_;
};

}  // namespace pannier::storage
