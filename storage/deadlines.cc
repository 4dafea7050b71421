#include "storage/deadlines.h"

#include <algorithm>
#include <bit>
#include <optional>

#include "storage/broken.h"

namespace pannier::storage {

TimeMs due_of(const Entry& entry) { return entry.is_expired ? stale_end(entry) : entry.deadline; }

Deadlines::Turn Deadlines::first_turn(unsigned level) const {
  const std::uint64_t now = turn_now(level);
  const std::uint64_t from_now = std::rotr(levels_[level].used, static_cast<int>(now % kSlots));
  return {level, now + static_cast<unsigned>(std::countr_zero(from_now))};
}

Deadlines::Turn Deadlines::turn_for(TimeMs due) const {
  const auto time = static_cast<std::uint64_t>(std::max(due, clock_));
  for (unsigned level = 0; level < kLevels; ++level) {
    const std::uint64_t number = time >> shift_of(level);
    if (number - turn_now(level) < kSlots) return {level, number};
  }
  return {kLevels - 1, turn_now(kLevels - 1) + kSlots - 1};
}

void Deadlines::link(Entry& entry, Turn turn) {
  Level& level = levels_[turn.level];
  const auto slot = static_cast<unsigned>(turn.number % kSlots);
  entry.due_slot = static_cast<std::uint16_t>(turn.level * kSlots + slot);
  entry.due_previous = nullptr;
  entry.due_next = level.slots[slot];
  if (entry.due_next != nullptr) entry.due_next->due_previous = &entry;
  level.slots[slot] = &entry;
  level.used |= std::uint64_t{1} << slot;
  ++size_;
}

void Deadlines::insert(Entry& entry, TimeMs due, TimeMs now) {
  if (entry.due_slot != Entry::kNoSlot) broken("an entry was to be put into the wheel twice");
  if (size_ == 0) clock_ = now;
  link(entry, turn_for(due));
}

void Deadlines::remove(Entry& entry) {
  if (entry.due_slot == Entry::kNoSlot) return;
  Level& level = levels_[entry.due_slot / kSlots];
  const unsigned slot = entry.due_slot % kSlots;
  (entry.due_previous == nullptr ? level.slots[slot] : entry.due_previous->due_next) = entry.due_next;
  if (entry.due_next != nullptr) entry.due_next->due_previous = entry.due_previous;
  if (level.slots[slot] == nullptr) level.used &= ~(std::uint64_t{1} << slot);
  entry.due_next = nullptr;
  entry.due_previous = nullptr;
  entry.due_slot = Entry::kNoSlot;
  --size_;
}

void Deadlines::hand_down(Turn turn) {
  Entry& entry = *first_of(turn);
  remove(entry);
  link(entry, turn_for(due_of(entry)));
}

Entry* Deadlines::take_due(TimeMs now, std::uint64_t& visits) {
  while (visits > 0 && size_ > 0) {
    // Of slots that start at the same time, the one of the highest level first: it may hold what is due
    // before the rest.
    std::optional<Turn> next;
    for (unsigned level = 0; level < kLevels; ++level) {
      if (levels_[level].used == 0) continue;
      const Turn turn = first_turn(level);
      if (!next || start_of(turn) <= start_of(*next)) next = turn;
    }
    clock_ = std::max(clock_, std::min(now, start_of(*next)));
    if (start_of(*next) > now) return nullptr;
    --visits;
    if (next->level == 0) {
      Entry* entry = first_of(*next);
      remove(*entry);
      return entry;
    }
    hand_down(*next);
  }
  return nullptr;
}

void Deadlines::prepare(std::uint64_t& visits) {
  for (unsigned level = 1; level < kLevels; ++level) {
    while (visits > 0 && levels_[level].used != 0) {
      const Turn turn = first_turn(level);
      if (turn.number > turn_now(level) + 1) break;
      --visits;
      hand_down(turn);
    }
  }
}

TimeMs Deadlines::next_work() const {
  TimeMs next = kNever;
  for (unsigned level = 0; level < kLevels; ++level) {
    if (levels_[level].used == 0) continue;
    Turn turn = first_turn(level);
    if (level > 0 && turn.number > 0) --turn.number;
    next = std::min(next, start_of(turn));
  }
  return next;
}

TimeMs Deadlines::first_due() const {
  TimeMs first = kNever;
  for (unsigned level = 0; level < kLevels; ++level) {
    if (levels_[level].used == 0) continue;
    Turn turn = first_turn(level);
    if (level > 0) ++turn.number;
    first = std::min(first, start_of(turn) - (level > 0 ? 1 : 0));
  }
  return first;
}

}  // namespace pannier::storage
