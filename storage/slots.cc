#include "storage/slots.h"

#include <algorithm>

#include "storage/broken.h"
#include "storage/entry.h"

namespace pannier::storage {
namespace {

constexpr std::uint32_t kLow = 0xffff;
constexpr std::uint64_t kReserveShare = 64;
constexpr std::uint64_t kPoolShare = 512;
constexpr std::uint64_t kPoolPagesMin = 8;
constexpr std::uint64_t kPoolPagesMax = 64;

std::uint32_t packed(std::uint32_t high, std::uint32_t low) { return high << 16 | low; }

bool is_entry_class(std::uint8_t number) { return number >= kFirstEntryClass; }

}  // namespace

Slots::Slots(Arena& arena) : arena_(arena) {
  for (std::uint8_t number = kFirstEntryClass; number < arena.classes().count(); ++number) {
    free_slot_bytes_ += std::uint64_t{record(number).free_slots} * arena.classes().slot_bytes(number);
    if (record(number).pages > 0) ++entry_classes_used_;
  }
}

std::uint64_t Slots::free_pages() const {
  const ArenaHeader& head = arena_.header();
  const std::uint32_t end = head.populated_end == 0 ? arena_.pages() : head.populated_end;
  return head.free_pages + (end - head.fresh_page);
}

std::uint64_t Slots::free_bytes() const {
  return (free_pages() << arena_.page_shift()) + free_slot_bytes_ + arena_.header().garbage_bytes;
}

std::uint64_t Slots::reserve_bytes() const {
  // All classes, where that is little; else those that are in use.
  const std::uint64_t affordable = arena_.pages() / kReserveShare;
  const std::uint64_t classes = std::min<std::uint64_t>(affordable, arena_.classes().count());
  return (std::max(entry_classes_used_, classes) + pool_pages()) << arena_.page_shift();
}

std::uint64_t Slots::pool_pages() const {
  return std::clamp<std::uint64_t>(arena_.pages() / kPoolShare, kPoolPagesMin, kPoolPagesMax);
}

std::uint64_t Slots::used_bytes() const {
  const ArenaHeader& head = arena_.header();
  return std::uint64_t{head.fresh_page - head.free_pages} << arena_.page_shift();
}

std::uint64_t Slots::internal_bytes() const {
  return std::uint64_t{record(kBlockClass).pages + record(kBucketClass).pages} << arena_.page_shift();
}

void Slots::add_free(std::uint8_t number, std::int64_t slots) {
  ClassRecord& counts = record(number);
  arena_.set(counts.free_slots, counts.free_slots + static_cast<std::uint32_t>(slots));
  if (is_entry_class(number)) {
    free_slot_bytes_ += static_cast<std::uint64_t>(slots) * arena_.classes().slot_bytes(number);
  }
}

void Slots::add_pages(std::uint8_t number, std::int32_t pages) {
  ClassRecord& counts = record(number);
  const std::uint32_t before = counts.pages;
  arena_.set(counts.pages, before + static_cast<std::uint32_t>(pages));
  if (!is_entry_class(number)) return;
  if (before == 0) ++entry_classes_used_;
  if (counts.pages == 0) --entry_classes_used_;
}

std::uint32_t Slots::bin_for(std::uint32_t page) const {
  const std::uint32_t free = free_slots(page);
  if (free == 0) return kNoBin;
  return free * kBins / (arena_.classes().slots(arena_.class_of_page(page)) + 1);
}

void Slots::link(std::uint32_t page, std::uint32_t bin) {
  PageRecord& own = arena_.page(page);
  arena_.set(own.first_free_and_bin, packed(own.first_free_and_bin >> 16, bin));
  if (bin == kNoBin) return;
  std::uint32_t& first = record(arena_.class_of_page(page)).bins[bin];
  arena_.set(own.previous, 0);
  arena_.set(own.next, first);
  if (first != 0) arena_.set(arena_.page(first).previous, page);
  arena_.set(first, page);
}

void Slots::unlink(std::uint32_t page) {
  PageRecord& own = arena_.page(page);
  const std::uint32_t bin = own.first_free_and_bin & kLow;
  if (bin == kNoBin) return;
  if (own.next != 0) arena_.set(arena_.page(own.next).previous, own.previous);
  std::uint32_t& first = record(arena_.class_of_page(page)).bins[bin];
  arena_.set(own.previous == 0 ? first : arena_.page(own.previous).next, own.next);
}

void Slots::rebin(std::uint32_t page) {
  const std::uint32_t bin = bin_for(page);
  if (bin == (arena_.page(page).first_free_and_bin & kLow)) return;
  unlink(page);
  link(page, bin);
}

bool Slots::ready_page() {
  ArenaHeader& head = arena_.header();
  if (free_pages() == head.free_pages) return false;
  const Transaction transaction(arena_);
  const std::uint32_t page = head.fresh_page;
  if (!arena_.populate(page)) {
    arena_.set(head.populated_end, page);
    return false;
  }
  arena_.set(head.fresh_page, page + 1);
  arena_.set(arena_.page(page).next, head.first_free_page);
  arena_.set(head.first_free_page, page);
  arena_.set(head.free_pages, head.free_pages + 1);
  return true;
}

std::uint32_t Slots::take_page(std::uint8_t number) {
  ArenaHeader& head = arena_.header();
  std::uint32_t* cell = &head.first_free_page;
  for (std::uint32_t skip = released_pages(); skip > 0; --skip) cell = &arena_.page(*cell).next;
  const std::uint32_t page = *cell;
  if (page == 0) return 0;
  arena_.set(*cell, arena_.page(page).next);
  arena_.set(head.free_pages, head.free_pages - 1);
  const std::uint32_t slots = arena_.classes().slots(number);
  arena_.set_byte(arena_.class_cell(page), number);
  arena_.set(arena_.page(page).free_and_fresh, packed(slots, 0));
  arena_.set(arena_.page(page).first_free_and_bin, packed(0, kNoBin));
  add_pages(number, 1);
  add_free(number, slots);
  link(page, bin_for(page));
  return page;
}

void Slots::release_page(std::uint32_t page) {
  const std::uint8_t number = arena_.class_of_page(page);
  ArenaHeader& head = arena_.header();
  if (page == head.evacuated_page) {
    arena_.set(head.evacuated_page, 0);
  } else {
    add_free(number, -std::int64_t{arena_.classes().slots(number)});
    unlink(page);
  }
  add_pages(number, -1);
  released_pages_ = released_pages() + 1;
  released_in_ = arena_.transaction_number();
  arena_.set_byte(arena_.class_cell(page), kFreePage);
  arena_.set(arena_.page(page).next, head.first_free_page);
  arena_.set(head.first_free_page, page);
  arena_.set(head.free_pages, head.free_pages + 1);
}

Ref Slots::take(std::uint8_t number) {
  for (const std::uint32_t page : record(number).bins) {
    if (page != 0) return take_from(page, number);
  }
  const std::uint32_t page = take_page(number);
  return page == 0 ? kNoRef : take_from(page, number);
}

Ref Slots::take_from(std::uint32_t page, std::uint8_t number) {
  PageRecord& own = arena_.page(page);
  const std::uint32_t first_free = own.first_free_and_bin >> 16;
  const std::uint32_t fresh = own.free_and_fresh & kLow;
  const std::uint32_t free = own.free_and_fresh >> 16;
  const Ref ref = ref_of(page, first_free != 0 ? first_free - 1 : fresh);
  if (first_free != 0) {
    // What is written into the slot is not noted: only the words that a free slot needs.
    char* const slot = arena_.slot(ref);
    arena_.note(slot);
    if (is_entry_class(number)) arena_.note(slot + offsetof(Entry, version_and_state));
    std::uint32_t next = 0;
    std::memcpy(&next, slot, sizeof next);
    arena_.set(own.first_free_and_bin, packed(next, own.first_free_and_bin & kLow));
    arena_.set(own.free_and_fresh, packed(free - 1, fresh));
  } else {
    arena_.set(own.free_and_fresh, packed(free - 1, fresh + 1));
  }
  add_free(number, -1);
  rebin(page);
  return ref;
}

void Slots::give_back(Ref ref) {
  const std::uint32_t page = page_of(ref);
  const std::uint8_t number = arena_.class_of_page(page);
  PageRecord& own = arena_.page(page);
  const std::uint32_t free = (own.free_and_fresh >> 16) + 1;
  const bool is_evacuated = page == evacuated_page();
  if (is_entry_class(number)) arena_.set(arena_.at<Entry>(ref).version_and_state, 0);
  arena_.set(arena_.at<std::uint32_t>(ref), own.first_free_and_bin >> 16);
  arena_.set(own.first_free_and_bin, packed(slot_of(ref) + 1, own.first_free_and_bin & kLow));
  arena_.set(own.free_and_fresh, packed(free, own.free_and_fresh & kLow));
  if (!is_evacuated) add_free(number, 1);
  if (free == arena_.classes().slots(number)) return release_page(page);
  if (!is_evacuated) rebin(page);
}

void Slots::discard(Ref first_piece, std::uint64_t slot_bytes) {
  ArenaHeader& head = arena_.header();
  auto& piece = arena_.at<Piece>(first_piece);
  arena_.set(piece.state, static_cast<std::uint64_t>(Entry::Kind::kGarbage));
  arena_.set(piece.previous, head.garbage);
  arena_.set(piece.owner, 0);
  if (head.garbage != kNoRef) arena_.set(arena_.at<Piece>(head.garbage).owner, first_piece);
  arena_.set(head.garbage, first_piece);
  arena_.set(head.garbage_bytes, head.garbage_bytes + slot_bytes);
}

bool Slots::free_garbage() {
  ArenaHeader& head = arena_.header();
  const Ref first = head.garbage;
  if (first == kNoRef) return false;
  const Transaction transaction(arena_);
  const Piece piece = arena_.at<Piece>(first);
  const Ref next = piece.next == kNoRef ? piece.previous : piece.next;
  if (piece.next != kNoRef) {
    auto& heir = arena_.at<Piece>(next);
    arena_.set(heir.state, static_cast<std::uint64_t>(Entry::Kind::kGarbage));
    arena_.set(heir.previous, piece.previous);
  }
  if (piece.next != kNoRef && piece.previous != kNoRef)
    arena_.set(arena_.at<Piece>(piece.previous).owner, next);
  if (next != kNoRef) arena_.set(arena_.at<Piece>(next).owner, 0);
  arena_.set(head.garbage, next);
  const std::uint32_t slot = arena_.classes().slot_bytes(arena_.class_of_page(page_of(first)));
  arena_.set(head.garbage_bytes, head.garbage_bytes - slot);
  give_back(first);
  return true;
}

std::uint32_t Slots::live_slots(std::uint32_t page) const {
  return arena_.classes().slots(arena_.class_of_page(page)) - free_slots(page);
}

Slots::Victim Slots::cheapest_page() const {
  Victim cheapest;
  for (std::uint8_t number = kFirstEntryClass; number < arena_.classes().count(); ++number) {
    const ClassRecord& counts = record(number);
    if (counts.free_slots < arena_.classes().slots(number)) continue;
    std::uint32_t bin = kBins;
    while (bin-- > 0 && counts.bins[bin] == 0) {
    }
    const std::uint32_t page = counts.bins[bin];
    if (cheapest.page == 0 || live_slots(page) < cheapest.live) cheapest = {page, live_slots(page)};
  }
  return cheapest;
}

void Slots::begin_evacuation(std::uint32_t page) {
  if (evacuated_page() != 0) broken("two pages are to be evacuated at once");
  const std::uint8_t number = arena_.class_of_page(page);
  unlink(page);
  PageRecord& own = arena_.page(page);
  arena_.set(own.first_free_and_bin, packed(own.first_free_and_bin >> 16, kNoBin));
  add_free(number, -std::int64_t{free_slots(page)});
  arena_.set(arena_.header().evacuated_page, page);
}

void Slots::end_evacuation() {
  const std::uint32_t page = evacuated_page();
  if (page == 0) return;
  arena_.set(arena_.header().evacuated_page, 0);
  add_free(arena_.class_of_page(page), free_slots(page));
  link(page, bin_for(page));
}

}  // namespace pannier::storage
