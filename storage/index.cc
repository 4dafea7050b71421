#include "storage/index.h"

#include <bit>
#include <limits>

#include "storage/broken.h"
#include "storage/hash.h"

namespace pannier::storage {

Index::~Index() { subtract_bytes(bytes_); }

Entry*& Index::head(std::uint64_t bucket) const {
  const std::uint64_t segment = bucket / kFanOut;
  return directories_[segment / kFanOut]->segments[segment % kFanOut]->heads[bucket % kFanOut];
}

unsigned Index::bits_of(std::uint64_t bucket) const {
  // With 2^bits <= buckets < 2^(bits+1), the first (buckets - 2^bits) buckets were split, into these and the
  // last ones.
  const auto bits = static_cast<unsigned>(std::bit_width(buckets_)) - 1;
  const std::uint64_t low = bucket & ((std::uint64_t{1} << bits) - 1);
  return low < buckets_ - (std::uint64_t{1} << bits) ? bits + 1 : bits;
}

std::uint64_t Index::bucket_of(std::uint64_t hash) const {
  const auto bits = static_cast<unsigned>(std::bit_width(buckets_)) - 1;
  const std::uint64_t wide = hash & ((std::uint64_t{2} << bits) - 1);
  return wide < buckets_ ? wide : wide & ((std::uint64_t{1} << bits) - 1);
}

Entry* Index::find(std::uint64_t hash, std::string_view key) const {
  if (size_ == 0) return nullptr;
  Entry* entry = head(bucket_of(hash));
  while (entry != nullptr && (entry->hash != hash || entry->key() != key)) entry = entry->chain;
  return entry;
}

void Index::insert(Entry& entry) {
  if (buckets_ == 0) append_bucket();
  if (size_ >= buckets_) split();
  Entry*& first = head(bucket_of(entry.hash));
  entry.chain = first;
  first = &entry;
  ++size_;
}

Entry** Index::link_to(const Entry& entry) const {
  Entry** link = &head(bucket_of(entry.hash));
  while (*link != &entry) {
    if (*link == nullptr) broken("an entry is not in its index");
    link = &(*link)->chain;
  }
  return link;
}

void Index::erase(Entry& entry) {
  *link_to(entry) = entry.chain;
  entry.chain = nullptr;
  --size_;
  shrink();
}

void Index::replace(Entry& old_entry, Entry& fresh) {
  *link_to(old_entry) = &fresh;
  fresh.chain = old_entry.chain;
  old_entry.chain = nullptr;
}

Entry* Index::take_any() {
  if (size_ == 0) return nullptr;
  // An empty last bucket has nothing to merge, so that this loop does no more than the entries have paid for.
  while (head(buckets_ - 1) == nullptr) remove_last_bucket();
  Entry* entry = head(buckets_ - 1);
  head(buckets_ - 1) = entry->chain;
  entry->chain = nullptr;
  if (--size_ == 0) shrink();
  return entry;
}

std::uint64_t Index::growth_bytes() const {
  if (buckets_ == 0) return bytes_min();
  if (size_ < buckets_ || buckets_ % kFanOut != 0) return 0;
  return sizeof(Segment) + (buckets_ % (kFanOut * kFanOut) == 0 ? sizeof(Directory) : 0);
}

std::uint64_t Index::bytes_min() { return sizeof(Directory) + sizeof(Segment); }

Index::Bucket Index::bucket_at(std::uint64_t point) const {
  constexpr std::uint64_t kLastPoint = std::numeric_limits<std::uint64_t>::max();
  if (size_ == 0) return {nullptr, kLastPoint};
  const std::uint64_t bucket = bucket_of(point_of(point));
  const unsigned bits = bits_of(bucket);
  return {head(bucket), point | (bits == 0 ? kLastPoint : kLastPoint >> bits)};
}

void Index::append_bucket() {
  const std::uint64_t segment = buckets_ / kFanOut;
  if (segment / kFanOut == directories_.size()) {
    directories_.push_back(std::make_unique<Directory>());
    add_bytes(sizeof(Directory));
  }
  auto& slot = directories_[segment / kFanOut]->segments[segment % kFanOut];
  if (slot == nullptr) {
    slot = std::make_unique<Segment>();
    add_bytes(sizeof(Segment));
  }
  ++buckets_;
}

void Index::remove_last_bucket() {
  --buckets_;
  if (buckets_ % kFanOut != 0) return;
  const std::uint64_t segment = buckets_ / kFanOut;
  directories_[segment / kFanOut]->segments[segment % kFanOut].reset();
  subtract_bytes(sizeof(Segment));
  if (segment % kFanOut != 0) return;
  directories_.pop_back();
  subtract_bytes(sizeof(Directory));
}

void Index::split() {
  const std::uint64_t fresh = buckets_;
  const std::uint64_t source = fresh - std::bit_floor(fresh);
  append_bucket();
  Entry* rest = head(source);
  Entry** stays = &head(source);
  Entry** moves = &head(fresh);
  for (; rest != nullptr; rest = rest->chain) {
    Entry**& end = bucket_of(rest->hash) == fresh ? moves : stays;
    *end = rest;
    end = &rest->chain;
  }
  *stays = nullptr;
  *moves = nullptr;
}

void Index::merge() {
  const std::uint64_t last = buckets_ - 1;
  Entry** end = &head(last - std::bit_floor(last));
  while (*end != nullptr) end = &(*end)->chain;
  *end = head(last);
  head(last) = nullptr;
  remove_last_bucket();
}

void Index::shrink() {
  if (size_ == 0) {
    while (buckets_ > 0) remove_last_bucket();
    return;
  }
  // Between one and two buckets an entry nothing happens, so that a steady size costs nothing.
  while (buckets_ > 2 * size_ && buckets_ > 1) merge();
}

void Index::add_bytes(std::uint64_t bytes) {
  bytes_ += bytes;
  memory_bytes_ += bytes;
}

void Index::subtract_bytes(std::uint64_t bytes) {
  bytes_ -= bytes;
  memory_bytes_ -= bytes;
}

}  // namespace pannier::storage
