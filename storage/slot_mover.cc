#include "storage/slot_mover.h"

#include <algorithm>

#include "storage/broken.h"
#include "storage/deadlines.h"
#include "storage/entry_list.h"
#include "storage/index.h"

namespace pannier::storage {

CacheRecord& record_of(const Arena& arena, const Entry& entry) {
  return arena.at<CacheRecord>(arena.cache_ref(entry.ordinal()));
}

bool SlotMover::move_one() {
  std::uint32_t page = slots_.evacuated_page();
  if (page == 0) {
    page = slots_.cheapest_page().page;
    if (page == 0) return false;
    const Transaction transaction(arena_);
    slots_.begin_evacuation(page);
    cursor_slot_ = 0;
  }
  const std::uint8_t number = arena_.class_of_page(page);
  const Transaction transaction(arena_);
  if (arena_.header().classes[number].free_slots == 0) {
    // The others were filled meanwhile: another page may be cheaper now.
    slots_.end_evacuation();
    return slots_.cheapest_page().page != 0;
  }
  const Ref from = next_live(page);
  const Ref to = slots_.take(number);
  move(from, to);
  slots_.give_back(from);
  for (Ref* watched : watched_) {
    if (*watched == from) *watched = to;
  }
  ++moved_;
  moved_bytes_ += arena_.classes().slot_bytes(number);
  return true;
}

void SlotMover::forget(const Ref& watched) {
  // As a rule the latest.
  watched_.erase(std::ranges::find(watched_.rbegin(), watched_.rend(), &watched).base() - 1);
}

Ref SlotMover::next_live(std::uint32_t page) {
  for (; cursor_slot_ < slots_.fresh_slot(page); ++cursor_slot_) {
    const Ref ref = ref_of(page, cursor_slot_);
    if (arena_.at<Entry>(ref).kind() != Entry::Kind::kFree) return ref;
  }
  broken("a page that is not free holds nothing");
}

void SlotMover::move(Ref from, Ref to) {
  const std::uint32_t bytes = arena_.classes().slot_bytes(arena_.class_of_page(page_of(from)));
  write_racing(arena_.slot(to), arena_.slot(from), bytes);
  switch (arena_.at<Entry>(from).kind()) {
    case Entry::Kind::kPiece:
    case Entry::Kind::kGarbage:
    case Entry::Kind::kDraft:
      return relink_piece(from, to);
    default:
      return relink_entry(entry_at(arena_, from), entry_at(arena_, to));
  }
}

void SlotMover::relink_entry(EntryAt from, EntryAt to) {
  CacheRecord& record = record_of(arena_, *from);
  const auto list = from->list();
  EntryList(arena_, record.lists[static_cast<std::size_t>(list)], list).replace(from, to);
  Deadlines(arena_, record.wheel).replace(from, to);
  Index index(arena_, slots_, record.index);
  index.replace(index.hash_of_entry(to), from.ref, to.ref);
  const bool has_pieces = to->has(Entry::kHasPieces) && to->first_piece() != kNoRef;
  if (has_pieces) arena_.set(arena_.at<Piece>(to->first_piece()).owner, to.ref);
}

void SlotMover::relink_piece(Ref from, Ref to) {
  ArenaHeader& head = arena_.header();
  const auto& piece = arena_.at<Piece>(to);
  // Whose it is, only the first one knows.
  arena_.disturb_all();
  if (piece.next != kNoRef) arena_.set(arena_.at<Piece>(piece.next).previous, to);
  const auto kind = static_cast<Entry::Kind>(piece.state);
  if (kind != Entry::Kind::kPiece) {
    if (piece.previous != kNoRef) arena_.set(arena_.at<Piece>(piece.previous).owner, to);
    Ref& latest = kind == Entry::Kind::kGarbage ? head.garbage : head.draft;
    arena_.set(latest == from ? latest : arena_.at<Piece>(piece.owner).previous, to);
  } else if (piece.owner != kNoRef) {
    arena_.set(arena_.at<Entry>(piece.owner).first_piece(), to);
  } else {
    arena_.set(arena_.at<Piece>(piece.previous).next, to);
  }
}

}  // namespace pannier::storage
