// SlotMover makes free pages: it moves the entries and pieces of a page that is nearly empty into the fuller
// pages of the same class. An entry's neighbors in the index, the lists and the wheel learn its new place in
// the same transaction, so that it is at one place at any time.
#pragma once

#include <cstdint>
#include <vector>

#include "storage/arena.h"
#include "storage/cache_record.h"
#include "storage/entry.h"
#include "storage/slots.h"

namespace pannier::storage {

class SlotMover {
 public:
  SlotMover(Arena& arena, Slots& slots) : arena_(arena), slots_(slots) {}
  SlotMover(const SlotMover&) = delete;
  SlotMover& operator=(const SlotMover&) = delete;

  /// Moves one entry or piece out of the page that is being emptied, or out of the one that takes the fewest
  /// moves. False: no page can be emptied by moving.
  bool move_one();

  /// Entries and pieces moved, and their slots' bytes, since the start of the process.
  std::uint64_t moved() const { return moved_; }
  std::uint64_t moved_bytes() const { return moved_bytes_; }

  /// Whether a Watch is there.
  bool is_watched() const { return !watched_.empty(); }
  /// Keeps a Ref true while entries may be moved.
  class Watch {
   public:
    Watch(SlotMover& mover, Ref& ref) : mover_(mover), ref_(ref) { mover_.watched_.push_back(&ref); }
    ~Watch() { mover_.forget(ref_); }
    Watch(const Watch&) = delete;
    Watch& operator=(const Watch&) = delete;

   private:
    SlotMover& mover_;
    Ref& ref_;
  };

 private:
  void forget(const Ref& watched);
  /// The next slot of the page that holds something.
  Ref next_live(std::uint32_t page);
  void move(Ref from, Ref to);
  void relink_entry(EntryAt from, EntryAt to);
  void relink_piece(Ref from, Ref to);

  Arena& arena_;
  Slots& slots_;
  std::vector<Ref*> watched_;
  std::uint32_t cursor_slot_ = 0;  ///< slots of the evacuated page below it were moved
  std::uint64_t moved_ = 0;
  std::uint64_t moved_bytes_ = 0;
};

/// The record of the cache that an entry belongs to.
CacheRecord& record_of(const Arena& arena, const Entry& entry);

}  // namespace pannier::storage
