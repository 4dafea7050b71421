// ArenaCheck proves that an arena is sound: that everything in it that is kept twice agrees, that every ref
// leads to what it should, and that each slot belongs to exactly one thing. It trusts nothing: whatever the
// bytes are, it ends, and reads nothing outside of the arena. Its cost is that of a few visits to each entry.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "storage/arena.h"
#include "storage/cache_record.h"
#include "storage/entry.h"
#include "storage/index.h"
#include "storage/slots.h"

namespace pannier::storage {

class ArenaCheck {
 public:
  using Fault = std::optional<std::string>;

  /// What was met.
  struct Counts {
    std::uint64_t caches = 0;
    std::uint64_t entries = 0;
    std::uint64_t dirty_entries = 0;
    std::uint64_t pages_used = 0;
    std::uint64_t pages_free = 0;  ///< that were used before
    std::uint64_t garbage_pieces = 0;
    std::uint64_t draft_pieces = 0;
  };

  /// As ChargeFunction in catalog.h. Without one, what a cache counts as charges is not looked at.
  using Charge = std::uint64_t (*)(std::uint64_t key_bytes, std::uint64_t value_bytes);

  explicit ArenaCheck(Arena& arena, Charge charge = nullptr);

  /// Nothing if it is sound, else the first fault that was met.
  Fault fault();
  const Counts& counts() const { return counts_; }

  /// Whether this slot holds an entry of a cache that is there, whole in itself: its sizes, its pieces, its
  /// key, its state. For one entry alone, whatever else is broken. Precondition: of fault(), or of nothing
  /// before.
  Fault fault_of_entry(Ref ref);
  /// Whether the index finds the entry, or a neighbor in its list knows it: what is left of one that is gone
  /// is known to nobody. Precondition: there is no fault_of_entry().
  bool is_known(Ref ref) const { return is_indexed(ref) || is_listed(ref); }
  bool is_indexed(Ref ref) const;
  /// A ref that leads to a slot that was used at some time, of the class if one is named.
  bool is_slot(Ref ref, std::uint8_t number) const;
  bool is_entry_slot(Ref ref) const;
  Fault fault_of_record(std::uint32_t ordinal) const;

 private:
  /// What the walk over a cache's index adds up to.
  struct Sums {
    std::uint64_t entries = 0;
    std::uint64_t unwritten_entries = 0;
    std::int64_t beyond_disk = 0;
    std::uint64_t known_on_disk = 0;
    std::uint64_t due = 0;  ///< in the wheel
    std::uint64_t used_bytes = 0;
    std::uint64_t unwritten_bytes = 0;
    std::vector<std::uint64_t> listed = std::vector<std::uint64_t>(8);
  };

  // -- arena_check_pages.cc
  Fault fault_of_pages();
  Fault fault_of_page(std::uint32_t page);
  Fault fault_of_free_pages();
  Fault fault_of_classes();
  Fault fault_of_bins(std::uint8_t number);
  Fault fault_of_unvisited();

  // -- arena_check.cc
  Fault fault_of_header() const;
  Fault fault_of_caches();
  Fault fault_of_cache(CacheRecord& record);
  Fault fault_of_garbage();
  /// Chains of pieces that belong to no entry, from the latest on; `left_bytes`: of all of their slots at
  /// most.
  Fault fault_of_chains(Ref latest, Entry::Kind kind, std::uint64_t& left_bytes);
  bool has_state(const Entry& entry, bool is_durable) const;
  /// `kind`: of its first piece; kPiece if it is that of an entry.
  Fault fault_of_chain(Ref first, std::uint64_t bytes, Entry::Kind kind);

  // -- arena_check_cache.cc
  Fault fault_of_index(CacheRecord& record, Sums& sums);
  Fault fault_of_blocks(const IndexHead& head);
  /// What a bucket says of an entry.
  struct Indexed {
    Ref ref;
    std::uint8_t tag;
    std::uint64_t bucket;
  };
  Fault fault_of_bucket(const Index& index, std::uint64_t bucket, std::vector<Indexed>& indexed);
  Fault fault_of_many(CacheRecord& record, const Index& index, const std::vector<Indexed>& indexed,
                      Sums& sums);
  Fault fault_of_indexed(CacheRecord& record, const Index& index, const Indexed& indexed, Sums& sums);
  Fault fault_of_links(const CacheRecord& record, EntryAt entry) const;
  Fault fault_of_list(const CacheRecord& record, Entry::List name);
  Fault fault_of_unordered(const CacheRecord& record, Entry::List name);
  Fault fault_of_wheel(const CacheRecord& record, std::uint64_t due);
  Fault fault_of_sums(const CacheRecord& record, const Sums& sums);
  bool is_listed(Ref ref) const;
  /// Whether the walk over the index met an entry there.
  bool is_met(Ref ref) const;
  bool is_visited(Ref ref) const { return (visited_[ref / kBits] >> ref % kBits & 1) != 0; }

  /// Notes that something holds the slot; false if something else does already.
  bool visit(Ref ref);

  static constexpr std::uint32_t kBits = 64;  ///< of a word of visited_

  Arena& arena_;
  Charge charge_;
  Counts counts_;
  std::vector<std::uint64_t> visited_;    ///< a bit a slot, by its ref
  std::vector<std::uint32_t> page_free_;  ///< free slots that were counted, by page
};

}  // namespace pannier::storage
