// Deadlines: which entries of a cache are due next, to the millisecond. A hierarchical timer wheel (G.
// Varghese and T. Lauck, "Hashed and hierarchical timing wheels", SOSP 1987). It links entries, owns none,
// and asks for no time.
//
// Seven levels of 64 slots; a slot of a level is 32 slots of the one below, 1 ms at the lowest. As a level
// reaches over twice the slot above it, that slot can be handed down one slot's time before it is needed: by
// prepare(), in pieces as small as the caller likes, so that no pass has much to do at once. What prepare()
// did not get to, take_due() does. Times beyond the highest level (about two years) wait in its last slot and
// are placed anew from there.
#pragma once

#include <array>
#include <cstdint>

#include "storage/entry.h"
#include "storage/types.h"

namespace pannier::storage {

class Deadlines {
 public:
  Deadlines() = default;
  Deadlines(const Deadlines&) = delete;
  Deadlines& operator=(const Deadlines&) = delete;

  /// Preconditions: the entry is not in the wheel, `due` is not negative. A `due` that has passed is due at
  /// once.
  void insert(Entry& entry, TimeMs due, TimeMs now);
  /// Nothing happens if the entry is not in the wheel.
  void remove(Entry& entry);

  /// Takes out an entry that is due at `now` or earlier, the earliest first. Null: there is none, or
  /// `visits`, of which each entry that is looked at costs one, came down to 0 before one was found.
  Entry* take_due(TimeMs now, std::uint64_t& visits);
  /// Does ahead what take_due() would have to do soon. Precondition: take_due() found nothing for this `now`.
  void prepare(std::uint64_t& visits);

  /// When take_due() or prepare() has something to do next; in the past if they have already. kNever if
  /// empty.
  TimeMs next_work() const;
  /// The due time of the first entry; of one that waits in a higher level, the latest that it can have.
  TimeMs first_due() const;
  std::uint64_t size() const { return size_; }

 private:
  friend class Check;

  static constexpr unsigned kLevels = 7;
  static constexpr unsigned kSlots = 64;
  static constexpr unsigned kLevelBits = 5;  ///< a slot is 2^5 slots of the level below

  struct Level {
    std::uint64_t used = 0;  ///< a bit a slot: is not empty
    std::array<Entry*, kSlots> slots{};
  };
  /// A slot by the number that it would have if they never wrapped around.
  struct Turn {
    unsigned level;
    std::uint64_t number;
  };

  static unsigned shift_of(unsigned level) { return level * kLevelBits; }
  static TimeMs start_of(Turn turn) { return static_cast<TimeMs>(turn.number << shift_of(turn.level)); }
  std::uint64_t turn_now(unsigned level) const {
    return static_cast<std::uint64_t>(clock_) >> shift_of(level);
  }
  /// The first slot of a level that is not empty. Precondition: there is one.
  Turn first_turn(unsigned level) const;
  Turn turn_for(TimeMs due) const;
  void link(Entry& entry, Turn turn);
  Entry* first_of(Turn turn) const { return levels_[turn.level].slots[turn.number % kSlots]; }
  /// Places the first entry of a slot of a higher level anew.
  void hand_down(Turn turn);

  TimeMs clock_ =
      0;  ///< no slot before it has an entry; never later than the latest `now` while there are entries
  std::uint64_t size_ = 0;
  std::array<Level, kLevels> levels_{};
};

/// What an entry is waiting for: its deadline, or if that has passed, the end of its stale window.
TimeMs due_of(const Entry& entry);

}  // namespace pannier::storage
