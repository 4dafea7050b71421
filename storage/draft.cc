#include "storage/draft.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "storage/catalog.h"

namespace pannier::storage {

Draft::Draft(Catalog& catalog, const Cache& cache, std::string_view key, std::uint64_t bytes,
             DraftOwner& owner, TimeMs now)
    : catalog_(catalog),
      cache_(cache.id()),
      key_(key),
      owner_(owner),
      bytes_(bytes),
      moved_at_(now),
      watch_first_(catalog.mover_, first_),
      watch_last_(catalog.mover_, last_),
      watch_next_(catalog.mover_, next_) {
  catalog_.drafts_.push_back(this);
  catalog_.drafts_bytes_ += bytes_;
}

Draft::~Draft() {
  if (!is_over_) leave_catalog();
  catalog_.writer_.discard_draft(first_);
}

void Draft::leave_catalog() {
  is_over_ = true;
  std::erase(catalog_.drafts_, this);
  catalog_.drafts_bytes_ -= bytes_;
  taken_bytes_ = 0;
}

BytesView Draft::view() const { return {*catalog_.arena_, {}, first_, 0, written_bytes_}; }

bool Draft::completes(std::string_view start, const BytesView& whole) const {
  std::vector<std::string_view> parts = {start};
  view().for_each_part([&](std::string_view part) { parts.push_back(part); });
  auto part = parts.begin();
  bool is_equal = whole.size() == start.size() + written_bytes_;
  whole.for_each_part([&](std::string_view other) {
    while (is_equal && !other.empty()) {
      while (part->empty()) ++part;
      const std::size_t bytes = std::min(part->size(), other.size());
      is_equal = part->substr(0, bytes) == other.substr(0, bytes);
      part->remove_prefix(bytes);
      other.remove_prefix(bytes);
    }
  });
  return is_equal;
}

std::span<const std::span<char>> Draft::room(TimeMs now) {
  moved_at_ = now;
  const std::uint64_t capacity = catalog_.writer_.piece_capacity();
  const std::uint64_t wanted = std::min({left_bytes(), kRoomBytesMax, (kPartsMax - 1) * capacity});
  if (is_over_ || (taken_bytes_ - written_bytes_ < wanted && !take_pieces(wanted, now))) return {};
  std::uint64_t left = std::min(left_bytes(), taken_bytes_ - written_bytes_);
  std::uint64_t skip = written_bytes_ % capacity;
  std::size_t count = 0;
  for (Ref ref = next_; left > 0 && count < kPartsMax; ref = catalog_.arena_->at<Piece>(ref).next) {
    const std::uint64_t here = std::min(capacity - skip, left);
    parts_[count++] = {catalog_.arena_->at<Piece>(ref).body() + skip, here};
    left -= here;
    skip = 0;
  }
  return std::span(parts_).first(count);
}

bool Draft::take_pieces(std::uint64_t wanted_bytes, TimeMs now) {
  Cache* const cache = catalog_.find(cache_);
  if (cache == nullptr) return false;
  const EntryWriter& writer = catalog_.writer_;
  const std::uint64_t lacking = std::min(bytes_, written_bytes_ + wanted_bytes) - taken_bytes_;
  Ref old_entry = cache->entry_of(key_).ref;
  if (!catalog_.make_draft_room(*cache, writer.slot_bytes_of_pieces(lacking), old_entry, now)) return false;
  while (taken_bytes_ - written_bytes_ < wanted_bytes) {
    const std::uint64_t bytes = std::min(bytes_ - taken_bytes_, writer.piece_capacity());
    const Ref ref = catalog_.ready_pages(1) ? catalog_.writer_.add_piece(bytes, last_) : kNoRef;
    if (ref == kNoRef) return false;
    if (first_ == kNoRef) first_ = ref;
    if (next_ == kNoRef) next_ = ref;
    last_ = ref;
    taken_bytes_ += bytes;
  }
  return true;
}

void Draft::written(std::uint64_t bytes) {
  const std::uint64_t capacity = catalog_.writer_.piece_capacity();
  std::uint64_t filled = (written_bytes_ + bytes) / capacity - written_bytes_ / capacity;
  written_bytes_ += bytes;
  for (; filled > 0; --filled) next_ = catalog_.arena_->at<Piece>(next_).next;
}

void Draft::give_up() {
  if (is_over_) return;
  leave_catalog();
  owner_.gave_up(view());
  catalog_.writer_.discard_draft(std::exchange(first_, kNoRef));
}

Ref Draft::hand_over() {
  leave_catalog();
  return std::exchange(first_, kNoRef);
}

std::unique_ptr<Draft> Cache::draft(std::string_view key, std::uint64_t value_bytes, DraftOwner& owner,
                                    TimeMs now) {
  const Plan plan = catalog_.writer_.plan(fields_of(key, {}, {}, {}, now), value_bytes);
  const std::uint64_t charge_bytes = charge_for(key.size(), value_bytes);
  // Of a large key a part may be in pieces too.
  const bool fits = plan.piece_bytes > 0 && plan.piece_bytes < value_bytes;
  if (!fits || refusal_for(charge_bytes, entry_of(key), false)) return nullptr;
  if (!catalog_.make_draft_place(plan.piece_bytes, now)) return nullptr;
  return std::unique_ptr<Draft>(new Draft(catalog_, *this, key, plan.piece_bytes, owner, now));
}

std::optional<Written> Cache::put_draft(const HashedKey& key, std::string_view value_start, Draft& draft,
                                        TimeMs now) {
  const std::uint64_t value_bytes = value_start.size() + draft.bytes();
  // The cache's settings may be others than when it was begun.
  const Plan plan = catalog_.writer_.plan(fields_of(key.key, {}, {}, {}, now), value_bytes);
  if (draft.is_over_ || plan.piece_bytes != draft.bytes()) return std::nullopt;
  draft.is_in_use_ = true;
  const PutOutcome outcome =
      put_at(key.hash, index_.find(key.hash, key.key), key.key, value_start, {}, now, &draft);
  draft.is_in_use_ = false;
  const auto* const written = std::get_if<Written>(&outcome);
  return written == nullptr ? std::nullopt : std::optional(*written);
}

}  // namespace pannier::storage
