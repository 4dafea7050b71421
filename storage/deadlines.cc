#include "storage/deadlines.h"

#include <algorithm>
#include <bit>
#include <optional>

#include "storage/broken.h"

namespace pannier::storage {

TimeMs due_of(const Entry& entry) { return entry.is_expired() ? stale_end(entry) : entry.deadline(); }

Deadlines::Turn Deadlines::first_turn(unsigned level) const {
  const std::uint64_t now = turn_now(level);
  const std::uint64_t used = head_.used[level];
  const std::uint64_t from_now = std::rotr(used, static_cast<int>(now % kSlots));
  return {level, now + static_cast<unsigned>(std::countr_zero(from_now))};
}

Deadlines::Turn Deadlines::turn_for(TimeMs due) const {
  const std::uint64_t time = std::max(static_cast<std::uint64_t>(due), std::uint64_t{head_.clock});
  for (unsigned level = 0; level < kLevels; ++level) {
    const std::uint64_t number = time >> shift_of(level);
    if (number - turn_now(level) < kSlots) return {level, number};
  }
  return {kLevels - 1, turn_now(kLevels - 1) + kSlots - 1};
}

void Deadlines::set_clock(TimeMs clock) {
  const Transaction transaction(arena_);
  arena_.set(head_.clock, static_cast<std::uint64_t>(clock));
}

void Deadlines::link(EntryAt entry, Turn turn) {
  const unsigned slot = slot_for(turn);
  Ref& first = head_.slots[slot];
  arena_.set(entry->due().previous, Entry::kFirstOfSlot | slot);
  arena_.set(entry->due().next, first);
  if (first != kNoRef) arena_.set(arena_.at<Entry>(first).due().previous, entry.ref);
  arena_.set(first, entry.ref);
  Word64& used = head_.used[turn.level];
  const std::uint64_t bit = std::uint64_t{1} << turn.number % kSlots;
  if ((used & bit) == 0) arena_.set(used, used | bit);
  arena_.set(head_.size, head_.size + 1);
}

void Deadlines::insert(EntryAt entry, TimeMs due, TimeMs now) {
  if (has(*entry)) broken("an entry was to be put into the wheel twice");
  if (head_.size == 0) arena_.set(head_.clock, static_cast<std::uint64_t>(now));
  link(entry, turn_for(due));
}

void Deadlines::remove(EntryAt entry) {
  if (has(*entry)) unlink(entry);
}

void Deadlines::unlink(EntryAt entry) {
  Entry::Due& due = entry->due();
  if (due.next != kNoRef) arena_.set(arena_.at<Entry>(due.next).due().previous, due.previous);
  if ((due.previous & Entry::kFirstOfSlot) == 0) {
    arena_.set(arena_.at<Entry>(due.previous).due().next, due.next);
  } else {
    const unsigned slot = due.previous & ~Entry::kFirstOfSlot;
    arena_.set(head_.slots[slot], due.next);
    Word64& used = head_.used[slot / kSlots];
    if (due.next == kNoRef) arena_.set(used, used & ~(std::uint64_t{1} << slot % kSlots));
  }
  arena_.set(due.next, kNoRef);
  arena_.set(due.previous, 0);
  arena_.set(head_.size, head_.size - 1);
}

void Deadlines::replace(EntryAt old_entry, EntryAt fresh) {
  if (!has(*old_entry)) return;
  const Entry::Due& due = fresh->due();
  if (due.next != kNoRef) arena_.set(arena_.at<Entry>(due.next).due().previous, fresh.ref);
  const bool is_first = (due.previous & Entry::kFirstOfSlot) != 0;
  Ref& cell =
      is_first ? head_.slots[due.previous & ~Entry::kFirstOfSlot] : arena_.at<Entry>(due.previous).due().next;
  arena_.set(cell, fresh.ref);
}

void Deadlines::hand_down(Turn turn) {
  const Transaction transaction(arena_);
  const EntryAt entry = first_of(turn);
  unlink(entry);
  link(entry, turn_for(due_of(*entry)));
}

EntryAt Deadlines::first_due_at(TimeMs now, std::uint64_t& visits) {
  while (visits > 0 && head_.size > 0) {
    // Of slots that start at the same time, the one of the highest level first: it may hold what is due
    // before the rest.
    std::optional<Turn> next;
    for (unsigned level = 0; level < kLevels; ++level) {
      if (head_.used[level] == 0) continue;
      const Turn turn = first_turn(level);
      if (!next || start_of(turn) <= start_of(*next)) next = turn;
    }
    const TimeMs clock = static_cast<TimeMs>(head_.clock);
    const TimeMs advanced = std::max(clock, std::min(now, start_of(*next)));
    if (advanced != clock) set_clock(advanced);
    if (start_of(*next) > now) return {};
    --visits;
    if (next->level == 0) return first_of(*next);
    hand_down(*next);
  }
  return {};
}

void Deadlines::prepare(std::uint64_t& visits) {
  for (unsigned level = 1; level < kLevels; ++level) {
    while (visits > 0 && head_.used[level] != 0) {
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
    if (head_.used[level] == 0) continue;
    Turn turn = first_turn(level);
    if (level > 0 && turn.number > 0) --turn.number;
    next = std::min(next, start_of(turn));
  }
  return next;
}

TimeMs Deadlines::first_due() const {
  TimeMs first = kNever;
  for (unsigned level = 0; level < kLevels; ++level) {
    if (head_.used[level] == 0) continue;
    Turn turn = first_turn(level);
    if (level > 0) ++turn.number;
    first = std::min(first, start_of(turn) - (level > 0 ? 1 : 0));
  }
  return first;
}

}  // namespace pannier::storage
