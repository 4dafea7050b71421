// One cache: its index, its lists, its wheel, its counts.
#include <algorithm>
#include <bit>
#include <cstring>

#include "storage/arena_check.h"
#include "storage/deadlines.h"

namespace pannier::storage {

namespace {

/// Whether an entry that is due then can be in that slot of the wheel: see deadlines.h.
bool is_in_turn(const WheelHead& wheel, std::uint32_t slot, TimeMs due) {
  const std::uint64_t clock = wheel.clock;
  const unsigned level = slot / WheelHead::kSlots;
  const unsigned shift = level * WheelHead::kLevelBits;
  const std::uint64_t now = clock >> shift;
  const std::uint64_t number = now + (slot - now) % WheelHead::kSlots;
  const std::uint64_t wanted = std::max(static_cast<std::uint64_t>(due), clock) >> shift;
  return number == wanted || (level == WheelHead::kLevels - 1 && number < wanted);
}

bool is_entry_kind(Entry::Kind kind) {
  return kind == Entry::Kind::kRecord || kind == Entry::Kind::kTombstone || kind == Entry::Kind::kVacant;
}

/// Entries that are looked at together.
constexpr std::size_t kTogether = 128;

/// As the second of a home must be while the first has room: whoever reads both does not ask.
bool is_zero(const IndexBucket& bucket) {
  static constexpr IndexBucket kZero{};
  return std::memcmp(&bucket, &kZero, sizeof bucket) == 0;
}

}  // namespace

ArenaCheck::Fault ArenaCheck::fault_of_index(CacheRecord& record, Sums& sums) {
  IndexHead& head = record.index;
  if (auto fault = fault_of_blocks(head)) return fault;
  Slots slots(arena_);
  const Index index(arena_, slots, head);
  std::uint64_t overflowing = 0;
  std::vector<Indexed> indexed;
  for (std::uint64_t number = 0; number < head.homes; ++number) {
    if (auto fault = fault_of_bucket(index, number, indexed)) return fault;
    for (auto* bucket = &index.home(number); bucket != nullptr; bucket = index.next_of(*bucket)) {
      if (bucket->overflow != kNoRef && bucket->overflow != IndexBucket::kBeside) ++overflowing;
    }
    if (indexed.size() < kTogether && number + 1 < head.homes) continue;
    if (auto fault = fault_of_many(record, index, indexed, sums)) return fault;
    indexed.clear();
  }
  if (overflowing != head.overflow_buckets) return "the number of overflow buckets is wrong";
  if (sums.entries != head.entries) return "the number of entries is wrong";
  counts_.entries += sums.entries;
  counts_.dirty_entries += sums.unwritten_entries;
  return std::nullopt;
}

ArenaCheck::Fault ArenaCheck::fault_of_blocks(const IndexHead& head) {
  if (head.homes > IndexBucket::kMax) return "it has more homes than can be";
  std::uint64_t blocks = 0;
  const auto visit_block = [&](Ref ref) {
    ++blocks;
    return is_slot(ref, kBlockClass) && visit(ref);
  };
  const std::uint64_t segments = (head.homes + IndexBucket::kPerSegment - 1) / IndexBucket::kPerSegment;
  for (std::uint64_t segment = 0; segment < segments; ++segment) {
    const Ref leaf = head.leaves[segment / IndexBucket::kSegmentsPerLeaf];
    if (segment % IndexBucket::kSegmentsPerLeaf == 0 && !visit_block(leaf))
      return "a leaf of the index is lost";
    const Ref* const cells = &arena_.at<Ref>(leaf);
    if (!visit_block(cells[segment % IndexBucket::kSegmentsPerLeaf])) return "a segment of the index is lost";
  }
  if (blocks != head.blocks) return "the number of the index's blocks is wrong";
  return std::nullopt;
}

ArenaCheck::Fault ArenaCheck::fault_of_bucket(const Index& index, std::uint64_t number,
                                              std::vector<Indexed>& indexed) {
  const Index::Bucket* const home = &index.home(number);
  for (const Index::Bucket* bucket = home;;) {
    const std::uint32_t used = Index::used_slots(*bucket);
    for (std::uint32_t slot = 0; slot < IndexBucket::kSlots; ++slot) {
      const Ref ref = bucket->refs[slot];
      const std::uint8_t tag = Index::tag_at(*bucket, slot);
      if (slot >= used && (ref != kNoRef || tag != 0)) return "a bucket of the index has a hole";
      if (slot < used) indexed.push_back({ref, tag, number});
    }
    const Ref overflow = bucket->overflow;
    if (overflow == kNoRef && bucket == home && !is_zero(home[1]))
      return "the second bucket of a home is not empty";
    if (overflow == kNoRef) return std::nullopt;
    if (used < IndexBucket::kSlots) return "a bucket overflows before it is full";
    if ((bucket == home) != (overflow == IndexBucket::kBeside)) return "a home is not two buckets";
    if (bucket != home && (!is_slot(overflow, kBucketClass) || !visit(overflow)))
      return "an overflow bucket is lost";
    bucket = bucket == home ? home + 1 : &arena_.at<Index::Bucket>(overflow);
    if (Index::used_slots(*bucket) == 0) return "an overflow bucket is empty";
  }
}

// Entries lie at random places: those of some buckets are fetched at once, and so are their neighbors.
ArenaCheck::Fault ArenaCheck::fault_of_many(CacheRecord& record, const Index& index,
                                            const std::vector<Indexed>& indexed, Sums& sums) {
  constexpr std::uintptr_t kLine = 64;
  for (const Indexed& each : indexed) {
    if (!is_entry_slot(each.ref)) return "an entry is in no slot";
    const char* const slot = arena_.slot(each.ref);
    __builtin_prefetch(slot);
    __builtin_prefetch(slot + kLine);
    __builtin_prefetch(&visited_[each.ref / kBits], 1);
  }
  for (const Indexed& each : indexed) {
    const Ref newer = arena_.at<Entry>(each.ref).newer;
    if (is_entry_slot(newer)) __builtin_prefetch(arena_.slot(newer));
  }
  for (const Indexed& each : indexed) {
    if (auto fault = fault_of_indexed(record, index, each, sums)) return fault;
  }
  return std::nullopt;
}

ArenaCheck::Fault ArenaCheck::fault_of_indexed(CacheRecord& record, const Index& index,
                                               const Indexed& indexed, Sums& sums) {
  const Ref ref = indexed.ref;
  if (auto fault = fault_of_entry(ref)) return "an entry " + *fault;
  const EntryAt entry = entry_at(arena_, ref);
  const std::uint64_t hash = index.hash_of_entry(entry);
  if (home_number(hash, record.index.homes) != indexed.bucket || tag_of(hash) != indexed.tag)
    return "an entry is in the wrong bucket";
  if (entry->ordinal() != record.ordinal) return "an entry is of another cache";
  if (auto fault = fault_of_links(record, entry)) return fault;
  if (!visit(ref)) return "a slot is two entries";
  if (entry->has(Entry::kHasPieces)) {
    for (Ref piece = entry->first_piece(); piece != kNoRef; piece = arena_.at<Piece>(piece).next) {
      if (!visit(piece)) return "a piece is of two entries";
    }
  }
  ++sums.entries;
  ++sums.listed[static_cast<std::size_t>(entry->list())];
  const bool has_due = entry->has_value() && due_of(*entry) != kNever;
  if (has_due != Deadlines::has(*entry)) return "an entry is in the wheel without a deadline, or the reverse";
  if (has_due) ++sums.due;
  const std::uint64_t value_bytes = entry->has_value() ? entry->value_bytes : 0;
  const std::uint64_t charge = charge_ == nullptr ? 0 : charge_(entry->key_bytes(), value_bytes);
  sums.used_bytes += charge;
  const bool is_on_disk = entry->on_disk() == OnDisk::kYes;
  sums.known_on_disk += is_on_disk ? 1 : 0;
  if (!entry->is_unwritten()) return std::nullopt;
  sums.unwritten_bytes += charge;
  ++sums.unwritten_entries;
  sums.beyond_disk += entry->has_value() ? (is_on_disk ? 0 : 1) : (is_on_disk ? -1 : 0);
  return std::nullopt;
}

// Why no list has to be walked along: an entry is the `older` of its newer neighbor, so that none has two
// entries before it; its place is less than that neighbor's, so that going on from any entry comes to an end;
// and only the head's newest is an end. So all of them are one chain, of which the head's oldest is the
// start, for it has none before it.
ArenaCheck::Fault ArenaCheck::fault_of_links(const CacheRecord& record, EntryAt entry) const {
  const Entry::List name = entry->list();
  if (static_cast<std::size_t>(name) >= Entry::kLists) return "an entry is in no list";
  if (entry->newer == kNoRef) {
    const bool is_end = record.lists[static_cast<std::size_t>(name)].newest == entry.ref;
    return is_end ? Fault() : Fault("a list does not end where it should");
  }
  if (!is_entry_slot(entry->newer)) return "a list leads astray";
  const auto& newer = arena_.at<Entry>(entry->newer);
  if (newer.ordinal() != record.ordinal || newer.list() != name || newer.older != entry.ref ||
      !is_entry_kind(newer.kind()))
    return "the links of a list are broken";
  if (name != Entry::List::kHeld && newer.place() <= entry->place()) return "a list is not in order";
  return std::nullopt;
}

ArenaCheck::Fault ArenaCheck::fault_of_list(const CacheRecord& record, Entry::List name) {
  const ListHead& head = record.lists[static_cast<std::size_t>(name)];
  if (name == Entry::List::kHeld) return fault_of_unordered(record, name);
  if (head.size == 0) {
    const bool is_empty = head.oldest == kNoRef && head.newest == kNoRef;
    return is_empty ? Fault() : Fault("an empty list has an end");
  }
  for (const Ref end : {head.oldest, head.newest}) {
    const bool is_own = is_met(end) && arena_.at<Entry>(end).ordinal() == record.ordinal &&
                        arena_.at<Entry>(end).list() == name;
    if (!is_own) return "a list leads astray";
  }
  if (arena_.at<Entry>(head.oldest).older != kNoRef || arena_.at<Entry>(head.newest).newer != kNoRef)
    return "a list does not end where it should";
  const ArenaHeader& header = arena_.header();
  const bool has_sequences = name == Entry::List::kDirty || name == Entry::List::kInFlight;
  if (arena_.at<Entry>(head.newest).place() > (has_sequences ? header.sequence_last : header.stamp))
    return "a list is ahead of its counter";
  return std::nullopt;
}

/// Without places in order a circle is found only by walking along.
ArenaCheck::Fault ArenaCheck::fault_of_unordered(const CacheRecord& record, Entry::List name) {
  const ListHead& head = record.lists[static_cast<std::size_t>(name)];
  Ref older = kNoRef;
  std::uint64_t met = 0;
  for (Ref ref = head.oldest; ref != kNoRef; ref = arena_.at<Entry>(ref).newer) {
    if (!is_met(ref) || met++ == head.size) return "a list leads astray";
    const auto& entry = arena_.at<Entry>(ref);
    if (entry.ordinal() != record.ordinal || entry.list() != name || entry.older != older)
      return "the links of a list are broken";
    older = ref;
  }
  const bool is_whole = met == head.size && head.newest == older;
  return is_whole ? Fault() : Fault("a list does not end where it should");
}

ArenaCheck::Fault ArenaCheck::fault_of_wheel(const CacheRecord& record, std::uint64_t due) {
  const WheelHead& wheel = record.wheel;
  std::uint64_t met = 0;
  if (due > 0 && wheel.clock >> 62 != 0) return "the clock of the wheel is out of range";
  for (std::uint32_t slot = 0; slot < wheel.slots.size(); ++slot) {
    const bool is_used = (wheel.used[slot / WheelHead::kSlots] >> slot % WheelHead::kSlots & 1) != 0;
    if (is_used != (wheel.slots[slot] != kNoRef)) return "the wheel's bits are wrong";
    std::uint32_t previous = Entry::kFirstOfSlot | slot;
    for (Ref ref = wheel.slots[slot]; ref != kNoRef; ref = arena_.at<Entry>(ref).due().next) {
      if (!is_met(ref) || met++ == due) return "the wheel leads astray";
      const auto& entry = arena_.at<Entry>(ref);
      if (!entry.has(Entry::kHasDue) || entry.ordinal() != record.ordinal || entry.due().previous != previous)
        return "the links of a slot of the wheel are broken";
      if (!is_in_turn(wheel, slot, due_of(entry))) return "an entry is in the wrong slot of the wheel";
      previous = ref;
    }
  }
  if (met != due || wheel.size != due) return "the wheel has not the entries that say so";
  return std::nullopt;
}

ArenaCheck::Fault ArenaCheck::fault_of_sums(const CacheRecord& record, const Sums& sums) {
  if (sums.unwritten_entries != record.unwritten_entries) return "the number of dirty entries is wrong";
  if (sums.beyond_disk != static_cast<std::int64_t>(record.beyond_disk))
    return "the entries beyond the disk are wrong";
  if (sums.known_on_disk != record.known_on_disk) return "the entries known to be on disk are wrong";
  const bool is_charged =
      sums.used_bytes == record.used_bytes && sums.unwritten_bytes == record.unwritten_bytes;
  return charge_ == nullptr || is_charged ? Fault() : Fault("the sum of the charges is wrong");
}

bool ArenaCheck::is_met(Ref ref) const {
  return is_entry_slot(ref) && is_visited(ref) && is_entry_kind(arena_.at<Entry>(ref).kind());
}

bool ArenaCheck::is_indexed(Ref ref) const {
  auto& record = arena_.at<CacheRecord>(arena_.cache_ref(arena_.at<Entry>(ref).ordinal()));
  const IndexHead& head = record.index;
  if (head.homes == 0 || head.homes > IndexBucket::kMax) return false;
  Slots slots(arena_);
  const Index index(arena_, slots, record.index);
  const std::uint64_t hash = index.hash_of_entry(entry_at(arena_, ref));
  const std::uint64_t number = home_number(hash, head.homes);
  const std::uint64_t segment = number / IndexBucket::kPerSegment;
  if (!is_slot(head.leaves[segment / IndexBucket::kSegmentsPerLeaf], kBlockClass)) return false;
  if (!is_slot(index.segment_cell(number), kBlockClass)) return false;
  // As long as a chain may be; a circle is none.
  constexpr int kBucketsInChain = 64;
  const Index::Bucket* const home = &index.home(number);
  const Index::Bucket* bucket = home;
  for (int i = 0; i < kBucketsInChain; ++i) {
    for (std::uint32_t slot = 0; slot < IndexBucket::kSlots; ++slot) {
      if (bucket->refs[slot] == ref) return Index::tag_at(*bucket, slot) == tag_of(hash);
    }
    if (bucket == home && bucket->overflow == IndexBucket::kBeside) {
      ++bucket;
      continue;
    }
    if (!is_slot(bucket->overflow, kBucketClass)) return false;
    bucket = &arena_.at<Index::Bucket>(bucket->overflow);
  }
  return false;
}

bool ArenaCheck::is_listed(Ref ref) const {
  const auto& entry = arena_.at<Entry>(ref);
  const auto& record = arena_.at<CacheRecord>(arena_.cache_ref(entry.ordinal()));
  const ListHead& list = record.lists[static_cast<std::size_t>(entry.list())];
  const auto knows = [&](Ref end, Ref neighbor, Ref Entry::*link) {
    if (neighbor == kNoRef) return end == ref;
    return is_entry_slot(neighbor) && arena_.at<Entry>(neighbor).*link == ref;
  };
  return knows(list.oldest, entry.older, &Entry::newer) || knows(list.newest, entry.newer, &Entry::older);
}

}  // namespace pannier::storage
