// Index: finds a cache's entries by key. A hash table of buckets of one cache line, each with twelve refs and
// a byte of each hash, two of them side by side where a hash is at home, that grows and shrinks by one home
// at a time (linear hashing: W. Litwin, "Linear hashing: a new tool for file and table addressing", VLDB
// 1980): no step is long, whatever the number of entries. What does not fit goes into an overflow bucket. It
// owns buckets, not entries.
//
// A chain (a home and what it overflows into) is always dense: only its last bucket has room.
//
// A walk goes by points (hash.h), not by homes: the range of points behind a cursor stays the same however
// the table grows or shrinks.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/cache_record.h"
#include "storage/entry.h"
#include "storage/index_bucket.h"
#include "storage/slots.h"

namespace pannier::storage {

/// What find() and a use of the entry touch, on its way into the processor's cache: each step looks at what
/// the one before fetched, which takes a while to arrive. So it is for several keys at once: a step for each,
/// then the next step for each (prefetch_all). Valid until something is put, erased or moved; uses do no
/// harm.
class Prefetch {
 public:
  /// One that has no steps.
  Prefetch() = default;

  void step();

  /// After so many, nothing is left to fetch of nearly all keys: where the bucket continues, the entry, the
  /// entries before and after it in their list.
  static constexpr int kSteps = 3;

 private:
  friend class Index;
  Prefetch(const Arena& arena, const IndexBucket& bucket, std::uint8_t tag)
      : arena_(&arena), bucket_(&bucket), tag_(tag) {}

  void entry_or_overflow();

  const Arena* arena_ = nullptr;
  const IndexBucket* bucket_ = nullptr;  ///< that was fetched
  const Entry* entry_ = nullptr;         ///< that was fetched
  std::uint8_t tag_ = 0;
};

/// All steps for a row of things that have a `prefetch` each.
template <typename Row>
void prefetch_all(Row&& row) {
  for (int step = 0; step < Prefetch::kSteps; ++step) {
    for (auto& one : row) one.prefetch.step();
  }
}

class Index {
 public:
  /// Pages that must be ready before an insert(), and for a maintain() to do anything.
  static constexpr std::uint64_t kPagesNeeded = 3;

  Index(Arena& arena, Slots& slots, IndexHead& head) : arena_(arena), slots_(slots), head_(head) {}
  Index(const Index&) = delete;
  Index& operator=(const Index&) = delete;

  EntryAt find(std::uint64_t hash, std::string_view key) const;
  /// Begins to fetch what find() reads first into the processor's cache. See Prefetch.
  Prefetch prefetch(std::uint64_t hash) const;
  /// Before the entry of this hash is changed where it is: for readers in other processes. Part of a
  /// transaction. Precondition: there is one.
  void disturb(std::uint64_t hash) { arena_.disturb(home_number(hash, head_.homes)); }
  /// Part of a transaction, as all that change it. Precondition: its key is not in the index.
  void insert(std::uint64_t hash, Ref ref);
  /// Precondition of both: `ref` (`old_ref`) is in the index under the hash.
  void erase(std::uint64_t hash, Ref ref);
  void replace(std::uint64_t hash, Ref old_ref, Ref fresh);
  /// One step towards the size that fits the entries, in a transaction of its own: to be called once after
  /// each insert() and erase(). True if there is more to do, which can wait.
  bool maintain();
  /// Any one entry; none if it is empty. All of them take as long as the table is large, if nothing is
  /// inserted meanwhile.
  EntryAt any();
  /// What is left when it is empty. In transactions of its own, one call a step; true while there is more.
  bool dismantle();

  std::uint64_t hash_of_entry(EntryAt entry) const;

  std::uint64_t size() const { return head_.entries; }
  std::uint64_t homes() const { return head_.homes; }
  std::uint64_t bytes() const {
    return std::uint64_t{head_.blocks} * kBlockBytes + std::uint64_t{head_.overflow_buckets} * kBucketBytes;
  }

  /// Appends the entries of the home whose range of points has `point`; the last point of that range.
  std::uint64_t home_at(std::uint64_t point, std::vector<EntryAt>& entries) const;
  /// Where the next home starts after that of `last_point`; nothing after the last.
  static std::optional<std::uint64_t> point_after(std::uint64_t last_point) {
    return last_point == std::numeric_limits<std::uint64_t>::max() ? std::nullopt
                                                                   : std::optional(last_point + 1);
  }

 private:
  friend class ArenaCheck;

  using Bucket = IndexBucket;

  static constexpr std::uint64_t kEntriesMax = 20;  ///< a home on average; above it the table grows
  static constexpr std::uint64_t kEntriesMin = 8;   ///< below it the table shrinks
  /// A merge that would make a longer chain waits: a clear, which goes through the table in another order,
  /// leaves some parts full for a while and others empty.
  static constexpr std::uint32_t kMergedMax = 2 * Bucket::kHome * Bucket::kSlots;
  struct Place {
    Bucket* bucket;
    std::uint32_t slot;
  };

  static std::uint8_t tag_at(const Bucket& bucket, std::uint32_t slot);
  static std::uint32_t used_slots(const Bucket& bucket);

  Ref& segment_cell(std::uint64_t home) const;
  /// The first of its two buckets.
  Bucket& home(std::uint64_t number) const;
  Bucket& home_of(std::uint64_t hash) const { return home(home_number(hash, head_.homes)); }
  Bucket* next_of(Bucket& bucket) const;
  /// The number of low bits of a hash that tell its home, which this is one of.
  unsigned bits_of(std::uint64_t home) const;
  Place place_of(std::uint64_t hash, Ref ref) const;
  void put(Place place, Ref ref, std::uint8_t tag);
  void append(Bucket& first, Ref ref, std::uint8_t tag);
  /// The last of the chain takes the place.
  void take_out(Bucket& first, Place place);
  Ref take_block();
  bool append_home();
  void remove_last_home();
  void split();
  void merge();
  bool may_merge() const;
  std::uint32_t chain_entries(Bucket& first) const;

  Arena& arena_;
  Slots& slots_;
  IndexHead& head_;
  std::uint64_t any_below_ = std::numeric_limits<std::uint64_t>::max();  ///< no home from it on has any
  mutable std::string scratch_;
};

}  // namespace pannier::storage
