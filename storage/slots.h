// Slots gives out and takes back the slots of the arena: pages of one size each, from a pool of free pages.
// What a slot is used for it does not know, but that the slots of entry classes say in their state whether
// they are free.
//
// A new slot comes from the fullest page of its class that has one, so that the emptiest become empty; these
// are emptied on purpose by SlotMover. Everything takes constant time. Every call that changes anything is
// part of a transaction.
#pragma once

#include <cstdint>

#include "storage/arena.h"

namespace pannier::storage {

class Slots {
 public:
  explicit Slots(Arena& arena);
  Slots(const Slots&) = delete;
  Slots& operator=(const Slots&) = delete;

  /// A slot of the class; its bytes are whatever was there. kNoRef: the class has none and no page is ready.
  Ref take(std::uint8_t number);
  void give_back(Ref ref);

  /// What entries could still take: free pages, free slots, garbage.
  std::uint64_t free_bytes() const;
  /// Below so many free bytes it is not sure that a free page can be made by moving, nor that one is there
  /// for each class that may be needed next: each class may have a page that is not full.
  std::uint64_t reserve_bytes() const;
  /// Free pages that are kept in stock.
  std::uint64_t pool_pages() const;
  std::uint64_t free_pages() const;
  /// Those of the free pages that take() can use at once.
  std::uint64_t ready_pages() const { return arena_.header().free_pages - released_pages(); }
  /// Readies one of those that were never used, in a transaction of its own. False: there is none, or the
  /// system has no memory, and what was never used is lost for this arena's life.
  bool ready_page();
  /// Pages that hold anything, in bytes, the arena's head included.
  std::uint64_t used_bytes() const;
  /// Pages of index and cache records.
  std::uint64_t internal_bytes() const;
  /// Classes of entries that have any page.
  std::uint64_t entry_classes_used() const { return entry_classes_used_; }

  // -- garbage: chains of pieces whose entry is gone

  void discard(Ref first_piece, std::uint64_t slot_bytes);
  /// Frees one piece, in a transaction of its own; false if there is none.
  bool free_garbage();

  // -- for SlotMover

  struct Victim {
    std::uint32_t page = 0;  ///< 0: none
    std::uint32_t live = 0;  ///< slots that must be moved
  };
  /// The page that takes the fewest moves to become free, of a class whose other pages can take its slots.
  Victim cheapest_page() const;
  /// Takes a page out of its bin, so that no slot of it is given out; what is given back stays with it until
  /// it is empty, and then it is free.
  void begin_evacuation(std::uint32_t page);
  /// It goes back into its bin as it is.
  void end_evacuation();
  std::uint32_t evacuated_page() const { return arena_.header().evacuated_page; }
  std::uint32_t live_slots(std::uint32_t page) const;
  /// Slots from this one on were never used.
  std::uint32_t fresh_slot(std::uint32_t page) const { return arena_.page(page).free_and_fresh & 0xffff; }

 private:
  std::uint32_t free_slots(std::uint32_t page) const { return arena_.page(page).free_and_fresh >> 16; }
  std::uint32_t bin_for(std::uint32_t page) const;
  void link(std::uint32_t page, std::uint32_t bin);
  void unlink(std::uint32_t page);
  void rebin(std::uint32_t page);
  /// Pages that the present transaction has released; they are the first of the free ones. They may not be
  /// taken before it ends: what is written into them could not be put back.
  std::uint32_t released_pages() const {
    return released_in_ == arena_.transaction_number() ? released_pages_ : 0;
  }
  std::uint32_t take_page(std::uint8_t number);
  void release_page(std::uint32_t page);
  Ref take_from(std::uint32_t page, std::uint8_t number);
  void add_free(std::uint8_t number, std::int64_t slots);
  void add_pages(std::uint8_t number, std::int32_t pages);
  ClassRecord& record(std::uint8_t number) const { return arena_.header().classes[number]; }

  Arena& arena_;
  // What follows from the class records, kept for speed.
  std::uint64_t free_slot_bytes_ = 0;  ///< of entry classes
  std::uint64_t entry_classes_used_ = 0;
  std::uint64_t released_in_ = 0;  ///< the transaction that has released_pages_
  std::uint32_t released_pages_ = 0;
};

}  // namespace pannier::storage
