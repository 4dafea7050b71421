#include "storage/index.h"

#include <algorithm>
#include <bit>

#include "storage/broken.h"
#include "storage/hash.h"

namespace pannier::storage {
namespace {

constexpr std::array<IndexBucket, IndexBucket::kHome> kEmpty{};

/// Of an entry as small as most are, the lines it may lie in.
void prefetch_lines(const Entry& entry) {
  const auto* const begin = reinterpret_cast<const char*>(&entry);
  __builtin_prefetch(begin);
  __builtin_prefetch(begin + 64);
  __builtin_prefetch(begin + 111);
}

}  // namespace

void Prefetch::step() {
  if (bucket_ != nullptr) return entry_or_overflow();
  if (entry_ == nullptr) return;
  __builtin_prefetch(entry_at(*arena_, entry_->older).entry, 1);
  __builtin_prefetch(entry_at(*arena_, entry_->newer).entry, 1);
  entry_ = nullptr;
}

void Prefetch::entry_or_overflow() {
  std::uint32_t found = bucket_->matches(tag_);
  if (found == 0 && bucket_->overflow == IndexBucket::kBeside) found = (++bucket_)->matches(tag_);
  const Ref overflow = bucket_->overflow;
  if (found != 0) {
    entry_ = entry_at(*arena_, bucket_->refs[static_cast<unsigned>(std::countr_zero(found))]).entry;
    prefetch_lines(*entry_);
    bucket_ = nullptr;
  } else if (overflow != kNoRef) {
    bucket_ = &arena_->at_fixed<IndexBucket, kBucketBytes>(overflow);
    __builtin_prefetch(bucket_);
  } else {
    bucket_ = nullptr;
  }
}

std::uint8_t Index::tag_at(const Bucket& bucket, std::uint32_t slot) {
  return static_cast<std::uint8_t>(bucket.tags[slot / 4] >> slot % 4 * 8);
}

std::uint32_t Index::used_slots(const Bucket& bucket) {
  return static_cast<std::uint32_t>(std::countr_zero(bucket.matches(0) | 1U << Bucket::kSlots));
}

std::uint64_t Index::hash_of_entry(EntryAt entry) const {
  return hash_of(key_of(arena_, entry).whole(scratch_), arena_.header().hash_seed);
}

Ref& Index::segment_cell(std::uint64_t home) const {
  const std::uint64_t segment = home / Bucket::kPerSegment;
  using Leaf = std::array<Ref, Bucket::kSegmentsPerLeaf>;
  const Ref leaf = head_.leaves[segment / Bucket::kSegmentsPerLeaf];
  return arena_.at_fixed<Leaf, kBlockBytes>(leaf)[segment % Bucket::kSegmentsPerLeaf];
}

Index::Bucket& Index::home(std::uint64_t number) const {
  using Segment = std::array<std::array<Bucket, Bucket::kHome>, Bucket::kPerSegment>;
  return arena_.at_fixed<Segment, kBlockBytes>(segment_cell(number))[number % Bucket::kPerSegment].front();
}

Index::Bucket* Index::next_of(Bucket& bucket) const {
  if (bucket.overflow == kNoRef) return nullptr;
  if (bucket.overflow == Bucket::kBeside) return &bucket + 1;
  return &arena_.at_fixed<Bucket, kBucketBytes>(bucket.overflow);
}

unsigned Index::bits_of(std::uint64_t home) const {
  // With 2^bits <= homes < 2^(bits+1), the first (homes - 2^bits) homes were split, into these and the
  // last ones.
  const auto bits = static_cast<unsigned>(std::bit_width(homes())) - 1;
  const std::uint64_t low = home & ((std::uint64_t{1} << bits) - 1);
  return low < homes() - (std::uint64_t{1} << bits) ? bits + 1 : bits;
}

EntryAt Index::find(std::uint64_t hash, std::string_view key) const {
  if (head_.entries == 0) return {};
  const std::uint8_t tag = tag_of(hash);
  Bucket& first = home_of(hash);
  __builtin_prefetch(&first + 1);
  for (Bucket* bucket = &first; bucket != nullptr; bucket = next_of(*bucket)) {
    for (std::uint32_t found = bucket->matches(tag); found != 0; found &= found - 1) {
      const EntryAt entry = entry_at(arena_, bucket->refs[static_cast<unsigned>(std::countr_zero(found))]);
      prefetch_lines(*entry.entry);
      if (key_equals(arena_, entry, key)) return entry;
    }
  }
  return {};
}

Prefetch Index::prefetch(std::uint64_t hash) const {
  if (head_.entries == 0) return {};
  const Bucket& bucket = home_of(hash);
  __builtin_prefetch(&bucket);
  __builtin_prefetch(&bucket + 1);
  return {arena_, bucket, tag_of(hash)};
}

Index::Place Index::place_of(std::uint64_t hash, Ref ref) const {
  const std::uint8_t tag = tag_of(hash);
  for (Bucket* bucket = &home_of(hash); bucket != nullptr; bucket = next_of(*bucket)) {
    for (std::uint32_t found = bucket->matches(tag); found != 0; found &= found - 1) {
      const auto slot = static_cast<std::uint32_t>(std::countr_zero(found));
      if (bucket->refs[slot] == ref) return {bucket, slot};
    }
  }
  broken("an entry is not in its index");
}

void Index::put(Place place, Ref ref, std::uint8_t tag) {
  arena_.set(place.bucket->refs[place.slot], ref);
  std::uint32_t& tags = place.bucket->tags[place.slot / 4];
  const unsigned shift = place.slot % 4 * 8;
  arena_.set(tags, (tags & ~(0xffU << shift)) | std::uint32_t{tag} << shift);
}

void Index::append(Bucket& first, Ref ref, std::uint8_t tag) {
  Bucket* last = &first;
  while (Bucket* next = next_of(*last)) last = next;
  std::uint32_t slot = used_slots(*last);
  if (slot == Bucket::kSlots && last == &first) {
    arena_.set(first.overflow, Bucket::kBeside);
    last = &first + 1;
    slot = 0;
  } else if (slot == Bucket::kSlots) {
    const Ref fresh = slots_.take(kBucketClass);
    if (fresh == kNoRef) broken("no page for the index was kept free");
    Bucket* const added = &arena_.at<Bucket>(fresh);
    write_racing(added, kEmpty.data(), sizeof(Bucket));
    arena_.set(last->overflow, fresh);
    arena_.set(head_.overflow_buckets, head_.overflow_buckets + 1);
    last = added;
    slot = 0;
  }
  put({last, slot}, ref, tag);
}

void Index::take_out(Bucket& first, Place place) {
  Bucket* before = nullptr;
  Bucket* last = &first;
  while (Bucket* next = next_of(*last)) {
    before = last;
    last = next;
  }
  const std::uint32_t slot = used_slots(*last) - 1;
  if (place.bucket != last || place.slot != slot) put(place, last->refs[slot], tag_at(*last, slot));
  put({last, slot}, kNoRef, 0);
  if (slot > 0 || before == nullptr) return;
  const Ref empty = before->overflow;
  arena_.set(before->overflow, kNoRef);
  if (empty == Bucket::kBeside) return;
  arena_.set(head_.overflow_buckets, head_.overflow_buckets - 1);
  slots_.give_back(empty);
}

void Index::insert(std::uint64_t hash, Ref ref) {
  if (head_.homes == 0) {
    // Its first home, before readers can come to it.
    arena_.disturb(0);
    if (!append_home()) broken("no page for an index was kept free");
  }
  disturb(hash);
  append(home_of(hash), ref, tag_of(hash));
  arena_.set(head_.entries, head_.entries + 1);
}

void Index::erase(std::uint64_t hash, Ref ref) {
  disturb(hash);
  take_out(home_of(hash), place_of(hash, ref));
  arena_.set(head_.entries, head_.entries - 1);
}

void Index::replace(std::uint64_t hash, Ref old_ref, Ref fresh) {
  disturb(hash);
  const Place place = place_of(hash, old_ref);
  arena_.set(place.bucket->refs[place.slot], fresh);
}

bool Index::maintain() {
  if (slots_.ready_pages() < kPagesNeeded) return false;
  if (head_.entries > head_.homes * kEntriesMax) {
    if (head_.homes < Bucket::kMax) split();
    return false;
  }
  if (head_.homes <= 1 || head_.entries >= head_.homes * kEntriesMin || !may_merge()) return false;
  merge();
  return head_.entries < head_.homes * kEntriesMin;
}

std::uint32_t Index::chain_entries(Bucket& first) const {
  std::uint32_t entries = 0;
  for (Bucket* bucket = &first; bucket != nullptr; bucket = next_of(*bucket)) {
    entries += used_slots(*bucket);
  }
  return entries;
}

bool Index::may_merge() const {
  const std::uint64_t last = head_.homes - 1;
  return chain_entries(home(last)) + chain_entries(home(last - std::bit_floor(last))) <= kMergedMax;
}

EntryAt Index::any() {
  any_below_ = std::min<std::uint64_t>(any_below_, head_.homes);
  for (; any_below_ > 0; --any_below_) {
    const Ref ref = home(any_below_ - 1).refs[0];
    if (ref != kNoRef) return entry_at(arena_, ref);
  }
  return {};
}

bool Index::dismantle() {
  if (head_.homes == 0) return false;
  const Transaction transaction(arena_);
  remove_last_home();
  return true;
}

std::uint64_t Index::home_at(std::uint64_t point, std::vector<EntryAt>& entries) const {
  constexpr std::uint64_t kLastPoint = std::numeric_limits<std::uint64_t>::max();
  if (head_.entries == 0) return kLastPoint;
  const std::uint64_t number = home_number(point_of(point), head_.homes);
  for (Bucket* bucket = &home(number); bucket != nullptr; bucket = next_of(*bucket)) {
    const std::uint32_t used = used_slots(*bucket);
    for (std::uint32_t slot = 0; slot < used; ++slot) entries.push_back(entry_at(arena_, bucket->refs[slot]));
  }
  const unsigned bits = bits_of(number);
  return point | (bits == 0 ? kLastPoint : kLastPoint >> bits);
}

Ref Index::take_block() {
  const Ref block = slots_.take(kBlockClass);
  if (block != kNoRef) arena_.set(head_.blocks, head_.blocks + 1);
  return block;
}

bool Index::append_home() {
  const std::uint64_t fresh = head_.homes;
  const std::uint64_t segment = fresh / Bucket::kPerSegment;
  if (fresh % Bucket::kPerSegment == 0) {
    if (segment % Bucket::kSegmentsPerLeaf == 0) {
      const Ref leaf = take_block();
      if (leaf == kNoRef) return false;
      arena_.set(head_.leaves[segment / Bucket::kSegmentsPerLeaf], leaf);
    }
    const Ref block = take_block();
    if (block == kNoRef) broken("no page for an index was kept free");
    arena_.set(segment_cell(fresh), block);
  }
  // Nothing points at it yet, so that nothing is to be noted.
  write_racing(&home(fresh), kEmpty.data(), sizeof kEmpty);
  arena_.set(head_.homes, fresh + 1);
  return true;
}

void Index::remove_last_home() {
  const std::uint64_t last = head_.homes - 1;
  arena_.set(head_.homes, last);
  if (last % Bucket::kPerSegment != 0) return;
  const std::uint64_t segment = last / Bucket::kPerSegment;
  slots_.give_back(segment_cell(last));
  arena_.set(head_.blocks, head_.blocks - 1);
  if (segment % Bucket::kSegmentsPerLeaf != 0) return;
  slots_.give_back(head_.leaves[segment / Bucket::kSegmentsPerLeaf]);
  arena_.set(head_.blocks, head_.blocks - 1);
}

void Index::split() {
  const Transaction transaction(arena_);
  const std::uint64_t fresh = head_.homes;
  arena_.disturb(fresh);
  arena_.disturb(fresh - std::bit_floor(fresh));
  if (!append_home()) return;
  Bucket& source = home(fresh - std::bit_floor(fresh));
  Bucket& target = home(fresh);
  std::vector<Place> places;
  for (Bucket* bucket = &source; bucket != nullptr; bucket = next_of(*bucket)) {
    const std::uint32_t used = used_slots(*bucket);
    for (std::uint32_t slot = 0; slot < used; ++slot) {
      places.push_back({bucket, slot});
      __builtin_prefetch(&arena_.at<Entry>(bucket->refs[slot]));
    }
  }
  // From the last to the first: what take_out() puts into a hole was looked at before.
  while (!places.empty()) {
    const Place place = places.back();
    places.pop_back();
    const Ref ref = place.bucket->refs[place.slot];
    if (home_number(hash_of_entry(entry_at(arena_, ref)), head_.homes) != fresh) continue;
    append(target, ref, tag_at(*place.bucket, place.slot));
    take_out(source, place);
  }
}

void Index::merge() {
  const Transaction transaction(arena_);
  const std::uint64_t last = head_.homes - 1;
  arena_.disturb(last);
  arena_.disturb(last - std::bit_floor(last));
  Bucket& source = home(last);
  Bucket& target = home(last - std::bit_floor(last));
  while (source.refs[0] != kNoRef) {
    append(target, source.refs[0], tag_at(source, 0));
    take_out(source, {&source, 0});
  }
  remove_last_home();
}

}  // namespace pannier::storage
