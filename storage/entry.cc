#include "storage/entry.h"

#include <algorithm>

namespace pannier::storage {
namespace {

std::uint64_t word_at(const char* bytes) {
  std::uint64_t word = 0;
  std::memcpy(&word, bytes, sizeof word);
  return word;
}

/// Keys are short: a call of memcmp() costs more than the comparison.
bool are_equal(const char* left, const char* right, std::size_t bytes) {
  constexpr std::size_t kWord = sizeof(std::uint64_t);
  if (bytes < kWord || bytes > 8 * kWord) return std::memcmp(left, right, bytes) == 0;
  std::uint64_t difference = word_at(left + bytes - kWord) ^ word_at(right + bytes - kWord);
  for (std::size_t done = 0; done + kWord < bytes; done += kWord) {
    difference |= word_at(left + done) ^ word_at(right + done);
  }
  return difference == 0;
}

/// What of `bytes` after `offset` of a body lies in the entry's own slot, and what in its pieces.
BytesView part_of_body(const Arena& arena, EntryAt entry, std::uint64_t offset, std::uint64_t bytes) {
  const char* body = entry->body();
  if (!entry->has(Entry::kHasPieces)) return BytesView(std::string_view(body + offset, bytes));
  const std::uint32_t slot = arena.classes().slot_bytes(arena.class_of_page(page_of(entry.ref)));
  const std::uint64_t here = slot - Entry::body_offset(entry->shape());
  const std::uint64_t first = offset >= here ? 0 : std::min(bytes, here - offset);
  return {arena, std::string_view(body + std::min(offset, here), first), entry->first_piece(),
          offset > here ? offset - here : 0, bytes};
}

}  // namespace

TimeMs Entry::deadline() const {
  return has(kHasDue) ? deadline_from(due().deadline_high, place_and_deadline & 0xffff) : kNever;
}

std::string_view BytesView::part_of(Ref ref, std::uint64_t& skip, std::uint64_t left) const {
  const std::uint32_t slot = arena_->classes().slot_bytes(arena_->class_of_page(page_of(ref)));
  constexpr std::uint64_t kPiecesAhead = 4;
  // Pieces that were written one after the other lie side by side, unless they were moved: then not each is
  // waited for in turn.
  const char* const place = arena_->slot(ref);
  for (std::uint64_t i = 1; i <= kPiecesAhead; ++i) __builtin_prefetch(place + i * slot);
  const std::uint64_t holds = slot - sizeof(Piece);
  const std::uint64_t skipped = std::min(skip, holds);
  skip -= skipped;
  return {arena_->at<Piece>(ref).body() + skipped, std::min(holds - skipped, left)};
}

std::string BytesView::str() const {
  std::string all;
  all.reserve(bytes_);
  for_each_part([&](std::string_view part) { all += part; });
  return all;
}

std::string_view BytesView::whole(std::string& scratch) const {
  if (is_whole()) return first_;
  scratch = str();
  return scratch;
}

bool operator==(const BytesView& left, std::string_view right) {
  if (left.size() != right.size()) return false;
  bool is_equal = true;
  left.for_each_part([&](std::string_view part) {
    is_equal = is_equal && right.starts_with(part);
    right.remove_prefix(part.size());
  });
  return is_equal;
}

BytesView key_of(const Arena& arena, EntryAt entry) {
  return part_of_body(arena, entry, 0, entry->key_bytes());
}

BytesView value_of(const Arena& arena, EntryAt entry) {
  return part_of_body(arena, entry, entry->key_bytes(), entry->value_bytes);
}

bool key_equals(const Arena& arena, EntryAt entry, std::string_view key) {
  if (entry->key_bytes() != key.size()) return false;
  if (!entry->has(Entry::kHasPieces)) return are_equal(entry->body(), key.data(), key.size());
  return key_of(arena, entry) == key;
}

void set_state(Arena& arena, EntryAt entry, std::uint64_t mask, std::uint64_t bits) {
  arena.set(entry->version_and_state, (entry->version_and_state & ~mask) | bits);
}

void set_kind(Arena& arena, EntryAt entry, Entry::Kind kind) {
  set_state(arena, entry, Entry::kKindMask, static_cast<std::uint64_t>(kind));
}

void set_on_disk(Arena& arena, EntryAt entry, OnDisk on_disk) {
  set_state(arena, entry, Entry::kOnDiskMask, static_cast<std::uint64_t>(on_disk) << Entry::kOnDiskShift);
}

void set_version(Arena& arena, EntryAt entry, Version version) {
  constexpr std::uint64_t kState = (std::uint64_t{1} << Entry::kStateBits) - 1;
  set_state(arena, entry, ~kState, version << Entry::kStateBits);
}

void set_place(Arena& arena, EntryAt entry, std::uint64_t place) {
  arena.set(entry->place_and_deadline, (place << 16) | (entry->place_and_deadline & 0xffff));
}

void set_deadline(Arena& arena, EntryAt entry, TimeMs deadline) {
  if (!entry->has(Entry::kHasDue)) return;
  const std::uint64_t bits = deadline_bits(deadline);
  arena.set(entry->place_and_deadline,
            (entry->place_and_deadline & ~std::uint64_t{0xffff}) | (bits & 0xffff));
  arena.set(entry->due().deadline_high, static_cast<std::uint32_t>(bits >> 16));
}

TimeMs later(TimeMs time, std::uint64_t span_ms) {
  const auto from = static_cast<std::uint64_t>(time);
  if (from >= DeadlineBits::kEnd || span_ms >= DeadlineBits::kEnd - from) return kNever;
  const std::uint64_t sum = from + span_ms;
  return static_cast<TimeMs>(
      sum < DeadlineBits::kCoarse ? sum : sum >> DeadlineBits::kCoarseShift << DeadlineBits::kCoarseShift);
}

TimeMs stale_end(const Entry& entry) { return later(entry.deadline(), entry.stale_ms()); }

}  // namespace pannier::storage
