#include <algorithm>

#include "storage/broken.h"
#include "storage/catalog.h"

namespace pannier::storage {
namespace {

// What one write does at most to keep the reserve of free bytes and the pool of free pages, which are there
// so that nothing has to be done at once. Only when there are no pages at all it goes on until there are.

/// Evictions, beside those for twice its own bytes.
constexpr std::uint64_t kEvictionsMax = 16;
/// Moves, beside one for every second eviction.
constexpr std::uint64_t kMovesMax = 32;
/// Pieces of garbage that one write frees at most, beside what its own bytes take.
constexpr std::uint64_t kPiecesFreed = 4;
/// Pages that must be ready for a write: for its slot, and for the index.
constexpr std::uint64_t kPagesForWrite = Index::kPagesNeeded + 1;

}  // namespace

std::uint64_t entry_charge(std::uint64_t key_bytes, std::uint64_t value_bytes) {
  return key_bytes + value_bytes + kEntryOverheadBytes;
}

ArenaStats Catalog::arena_stats() const {
  return {arena_->bytes(), slots_.free_bytes(), slots_.internal_bytes(), mover_.moved(),
          mover_.moved_bytes()};
}

std::uint64_t Catalog::reservation_of(const Settings& settings) const {
  if (reserved_bytes_ <= reservable_bytes()) return settings.reserved_bytes;
  const double share = static_cast<double>(reservable_bytes()) / static_cast<double>(reserved_bytes_);
  return static_cast<std::uint64_t>(static_cast<double>(settings.reserved_bytes) * share);
}

std::uint64_t Catalog::memory_left_to(const Cache& cache) const {
  const std::uint64_t reserved = std::min(reserved_bytes_, reservable_bytes());
  const std::uint64_t by_others = reserved - std::min(reserved, reservation_of(cache.settings_));
  // Pages that are not filled: by the new entry and the old one, of each its head, its last piece and those
  // before; and after all moves one of each class at most by what stays of others.
  constexpr std::uint64_t kPagesOfTwo = 6;
  constexpr std::uint64_t kPagesLostMin = 16;
  const std::uint64_t by_classes = by_others == 0 ? 0 : slots_.entry_classes_used();
  const std::uint64_t lost = std::max(kPagesLostMin, kPagesOfTwo + by_classes);
  const std::uint64_t pages = arena_->first_page() + lost + kPagesForWrite;
  std::uint64_t left = arena_->bytes() - slots_.internal_bytes();
  left -= std::min(left, pages << arena_->page_shift());
  // Slots are somewhat larger than charges.
  left -= std::min(left, by_others + by_others / 8);
  // Rounding: each piece has a header, and the last may be half empty.
  const std::uint64_t largest = arena_->classes().largest_bytes();
  const std::uint64_t pieces = left / largest;
  return left - std::min(left, pieces * sizeof(Piece) + largest);
}

bool Catalog::has_room(std::uint64_t slot_bytes) const {
  return slots_.free_bytes() >= slots_.reserve_bytes() + slot_bytes;
}

Cache::Room Catalog::make_room(Cache& cache, std::uint64_t slot_bytes, Ref& old_entry, TimeMs now) {
  const SlotMover::Watch watch(mover_, old_entry);
  const std::uint64_t least = slot_bytes + (kPagesForWrite << arena_->page_shift());
  const std::uint64_t enough = slots_.free_bytes() + 2 * slot_bytes;
  std::uint64_t taken_back = 0;
  while (!has_room(slot_bytes)) {
    const bool may_wait = slots_.free_bytes() >= std::max(least, enough) && taken_back >= kEvictionsMax;
    if (may_wait) break;
    if (!take_back_one(&cache, old_entry, now)) {
      if (slots_.free_bytes() >= least) break;
      return no_room();
    }
    ++taken_back;
  }
  tidy(kMovesMax + taken_back / 2, slot_bytes);
  return take_pages(cache, kPagesForWrite, old_entry, now) ? Cache::Room::kMade : no_room();
}

Cache::Room Catalog::no_room() const {
  return write_back_.totals().entries > 0 ? Cache::Room::kPinned : Cache::Room::kNone;
}

bool Catalog::tidy(std::uint64_t moves_max, std::uint64_t slot_bytes) {
  std::uint64_t pieces = moves_max / 8 + kPiecesFreed + 2 * slot_bytes / arena_->classes().largest_bytes();
  for (; pieces > 0 && slots_.free_garbage(); --pieces) {
  }
  std::uint64_t moves = moves_max;
  while (slots_.free_pages() < slots_.pool_pages()) {
    if (moves-- == 0) return true;
    if (!mover_.move_one()) return false;
  }
  return arena_->header().garbage != kNoRef;
}

bool Catalog::ready_pages(std::uint64_t pages) {
  while (slots_.ready_pages() < pages) {
    if (!slots_.ready_page() && !slots_.free_garbage() && !mover_.move_one()) return false;
  }
  return true;
}

bool Catalog::take_pages(Cache& cache, std::uint64_t pages, const Ref& old_entry, TimeMs now) {
  // Below the reserve, what is free may lie in pages of which none can be emptied by moving.
  while (!ready_pages(pages)) {
    if (!take_back_one(&cache, old_entry, now)) return false;
  }
  return true;
}

bool Catalog::write_pieces(Cache& cache, const EntryWriter::Plan& plan, const EntryWriter::Fields& fields,
                           Ref& old_entry, TimeMs now) {
  const SlotMover::Watch watch_old(mover_, old_entry);
  if (plan.piece_bytes == 0 || fields.draft != nullptr)
    return take_pages(cache, kPagesForWrite, old_entry, now);
  Ref first = kNoRef;
  Ref last = kNoRef;
  const SlotMover::Watch watch_first(mover_, first);
  const SlotMover::Watch watch_last(mover_, last);
  bool is_written = true;
  for (std::uint64_t done_bytes = 0; is_written && done_bytes < plan.piece_bytes;) {
    is_written = take_pages(cache, 1, old_entry, now) && writer_.write_piece(plan, fields, done_bytes, last);
    if (first == kNoRef) first = last;
  }
  if (is_written && take_pages(cache, kPagesForWrite, old_entry, now)) return true;
  writer_.discard_draft(first);
  return false;
}

bool Catalog::expect(std::uint64_t bytes, TimeMs now, std::uint64_t steps_max) {
  Ref none = kNoRef;
  const std::uint64_t most = arena_->bytes() / 2;
  const std::uint64_t wanted = std::min(bytes, most);
  for (std::uint64_t steps = steps_max; !has_room(wanted); --steps) {
    if (steps == 0) return true;
    if (!take_back_entry(nullptr, none, now)) return false;
  }
  const std::uint64_t pages = (wanted >> arena_->page_shift()) + slots_.pool_pages();
  for (std::uint64_t steps = steps_max; slots_.ready_pages() < pages; --steps) {
    if (steps == 0) return true;
    if (!slots_.ready_page() && !slots_.free_garbage() && !mover_.move_one()) return false;
  }
  return false;
}

bool Catalog::make_draft_place(std::uint64_t bytes, TimeMs now) {
  const std::uint64_t bytes_max = arena_->bytes() / Draft::kShare;
  if (bytes > bytes_max) return false;
  while (drafts_.size() >= Draft::kCountMax || drafts_bytes_ + bytes > bytes_max) {
    const auto found = std::ranges::find_if(
        drafts_, [now](const Draft* draft) { return draft->moved_at_ + Draft::kIdleMs <= now; });
    if (found == drafts_.end()) return false;
    (*found)->give_up();
  }
  return true;
}

bool Catalog::make_draft_room(const Cache& cache, std::uint64_t slot_bytes, Ref& old_entry, TimeMs now) {
  const SlotMover::Watch watch(mover_, old_entry);
  const std::uint64_t enough = slots_.free_bytes() + 2 * slot_bytes;
  // Some that go free nothing at once: they are to be written to disk first.
  std::uint64_t in_vain = 0;
  while (!has_room(slot_bytes)) {
    const std::uint64_t before = slots_.free_bytes();
    if (before >= enough || in_vain > kEvictionsMax || !take_back_entry(&cache, old_entry, now)) return false;
    if (slots_.free_bytes() == before) ++in_vain;
  }
  tidy(kMovesMax, slot_bytes);
  return true;
}

bool Catalog::take_back_one(const Cache* cache, Ref except, TimeMs now) {
  return take_back_entry(cache, except, now) || give_up_draft();
}

bool Catalog::give_up_draft() {
  const auto found = std::ranges::find_if(
      drafts_, [](const Draft* draft) { return draft->first_ != kNoRef && !draft->is_in_use_; });
  if (found == drafts_.end()) return false;
  (*found)->give_up();
  return true;
}

bool Catalog::take_back_entry(const Cache* cache, Ref except, TimeMs now) {
  return free_dropped_one() || expire_one(now) || drop_stale_one(except, now) ||
         evict_one(cache, except, now);
}

bool Catalog::free_dropped_one() {
  if (dropped_.empty()) return false;
  Cache& cache = *dropped_.back();
  if (const EntryAt entry = cache.index_.any()) {
    cache.remove(entry);
  } else if (!cache.index_.dismantle()) {
    forget_record(cache.record_);
    dropped_.pop_back();
  }
  return true;
}

bool Catalog::expire_one(TimeMs now) {
  if (now < work_bound_) return false;
  for (Cache* cache : caches_) {
    if (cache->expire_one(now)) return true;
  }
  refresh_work_bound();
  return false;
}

bool Catalog::drop_stale_one(Ref except, TimeMs now) {
  if (stale_entries_ == 0) return false;
  Cache* holder = nullptr;
  EntryAt oldest;
  for (Cache* cache : caches_) {
    const EntryAt entry = cache->list(Entry::List::kStale).oldest_but(except);
    if (!entry || (oldest && oldest->place() < entry->place())) continue;
    holder = cache;
    oldest = entry;
  }
  if (!oldest) return false;
  holder->let_go(oldest, now);
  return true;
}

bool Catalog::evict_one(const Cache* cache, Ref except, TimeMs now) {
  Cache* holder = nullptr;
  EntryAt oldest;
  for (Cache* other : caches_) {
    if (other != cache && other->is_protected()) continue;
    const EntryAt entry = other->victim(except);
    if (!entry || (oldest && oldest->place() < entry->place())) continue;
    holder = other;
    oldest = entry;
  }
  if (!oldest) return false;
  holder->evict(oldest, now);
  return true;
}

}  // namespace pannier::storage
