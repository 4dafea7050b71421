// Deadlines: which entries of a cache are due next, to the millisecond. A hierarchical timer wheel (G.
// Varghese and T. Lauck, "Hashed and hierarchical timing wheels", SOSP 1987). It links entries, owns none,
// and asks for no time. Changes are part of a transaction.
//
// Seven levels of 64 slots; a slot of a level is 32 slots of the one below, 1 ms at the lowest. As a level
// reaches over twice the slot above it, that slot can be handed down one slot's time before it is needed: by
// prepare(), in pieces as small as the caller likes, so that no pass has much to do at once. What prepare()
// did not get to, take_due() does. Times beyond the highest level (about two years) wait in its last slot and
// are placed anew from there.
#pragma once

#include <cstdint>

#include "storage/cache_record.h"
#include "storage/entry.h"
#include "storage/types.h"

namespace pannier::storage {

class Deadlines {
 public:
  Deadlines(Arena& arena, WheelHead& head) : arena_(arena), head_(head) {}
  Deadlines(const Deadlines&) = delete;
  Deadlines& operator=(const Deadlines&) = delete;

  /// Preconditions: the entry has a deadline and is not in the wheel, `due` is not negative. A `due` that has
  /// passed is due at once.
  void insert(EntryAt entry, TimeMs due, TimeMs now);
  /// Nothing happens if the entry is not in the wheel.
  void remove(EntryAt entry);
  /// `fresh` is a copy of `old_entry` at another place, and is in the wheel instead of it.
  void replace(EntryAt old_entry, EntryAt fresh);
  static bool has(const Entry& entry) { return entry.has(Entry::kHasDue) && entry.due().previous != 0; }

  /// An entry that is due at `now` or earlier, the earliest first; it stays in the wheel. None: there is
  /// none, or `visits`, of which each entry that is looked at costs one, came down to 0 before one was found.
  EntryAt first_due_at(TimeMs now, std::uint64_t& visits);
  /// Does ahead what first_due_at() would have to do soon. Precondition: that found nothing for this `now`.
  void prepare(std::uint64_t& visits);

  /// When first_due_at() or prepare() has something to do next; in the past if they have already. kNever if
  /// empty.
  TimeMs next_work() const;
  /// The due time of the first entry; of one that waits in a higher level, the latest that it can have.
  TimeMs first_due() const;
  std::uint64_t size() const { return head_.size; }

 private:
  friend class Check;

  static constexpr unsigned kLevels = WheelHead::kLevels;
  static constexpr unsigned kSlots = WheelHead::kSlots;

  /// A slot by the number that it would have if they never wrapped around.
  struct Turn {
    unsigned level;
    std::uint64_t number;
  };

  static unsigned shift_of(unsigned level) { return level * WheelHead::kLevelBits; }
  static TimeMs start_of(Turn turn) { return static_cast<TimeMs>(turn.number << shift_of(turn.level)); }
  static unsigned slot_for(Turn turn) {
    return turn.level * kSlots + static_cast<unsigned>(turn.number % kSlots);
  }
  std::uint64_t turn_now(unsigned level) const { return head_.clock >> shift_of(level); }
  /// The first slot of a level that is not empty. Precondition: there is one.
  Turn first_turn(unsigned level) const;
  Turn turn_for(TimeMs due) const;
  void set_clock(TimeMs clock);
  void link(EntryAt entry, Turn turn);
  void unlink(EntryAt entry);
  EntryAt first_of(Turn turn) const { return entry_at(arena_, head_.slots[slot_for(turn)]); }
  /// Places the first entry of a slot of a higher level anew.
  void hand_down(Turn turn);

  Arena& arena_;
  WheelHead& head_;  ///< no slot before its clock has an entry; it is never later than the latest `now` while
                     ///< there are entries
};

/// What an entry is waiting for: its deadline, or if that has passed, the end of its stale window.
TimeMs due_of(const Entry& entry);

}  // namespace pannier::storage
