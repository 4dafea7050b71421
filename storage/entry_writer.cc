#include "storage/entry_writer.h"

#include <algorithm>

#include "storage/broken.h"
#include "storage/draft.h"

namespace pannier::storage {
namespace {

/// Copies what of key ++ value begins at `offset`.
void copy_body(const EntryWriter::Fields& fields, std::uint64_t offset, std::uint64_t bytes, char* to) {
  const std::uint64_t of_key = offset < fields.key.size() ? std::min(bytes, fields.key.size() - offset) : 0;
  if (of_key > 0) write_racing(to, fields.key.data() + offset, of_key);
  if (bytes > of_key) {
    write_racing(to + of_key, fields.value.data() + (offset + of_key - fields.key.size()), bytes - of_key);
  }
}

std::uint32_t shape_of(const EntryWriter::Fields& fields) {
  return (fields.deadline == kNever ? 0 : Entry::kHasDue) | (fields.stale_ms == 0 ? 0 : Entry::kHasStale) |
         (fields.is_durable ? Entry::kHasSince : 0);
}

}  // namespace

std::uint64_t EntryWriter::slot_bytes_of_pieces(std::uint64_t bytes) const {
  const PageClasses& classes = arena_.classes();
  const std::uint64_t whole = bytes / piece_capacity();
  const std::uint64_t rest = bytes % piece_capacity();
  const std::uint64_t tail = rest == 0 ? 0 : classes.slot_bytes(classes.class_for(sizeof(Piece) + rest));
  return whole * classes.largest_bytes() + tail;
}

EntryWriter::Plan EntryWriter::plan(const Fields& fields, std::uint64_t value_bytes) const {
  const PageClasses& classes = arena_.classes();
  const std::uint64_t body = fields.key.size() + value_bytes;
  std::uint32_t shape = shape_of(fields);
  const std::uint64_t whole = Entry::body_offset(shape) + body;
  if (whole <= classes.largest_bytes()) {
    const std::uint8_t number = classes.class_for(whole);
    return {shape, number, body, 0, classes.slot_bytes(number)};
  }
  // With room for a deadline, so that touch() never has to copy something large.
  shape |= Entry::kHasPieces | Entry::kHasDue;
  const std::uint64_t here = classes.largest_bytes() - Entry::body_offset(shape);
  const std::uint64_t in_pieces = body - here;
  return {shape, classes.class_for(classes.largest_bytes()), body - in_pieces, in_pieces,
          classes.largest_bytes() + slot_bytes_of_pieces(in_pieces)};
}

bool EntryWriter::write_piece(const Plan& plan, const Fields& fields, std::uint64_t& done_bytes, Ref& last) {
  const std::uint64_t bytes = std::min(plan.piece_bytes - done_bytes, piece_capacity());
  const Ref ref = add_piece(bytes, last);
  if (ref == kNoRef) return false;
  copy_body(fields, plan.head_body + done_bytes, bytes, arena_.at<Piece>(ref).body());
  last = ref;
  done_bytes += bytes;
  return true;
}

Ref EntryWriter::add_piece(std::uint64_t bytes, Ref last) {
  ArenaHeader& header = arena_.header();
  const Transaction transaction(arena_);
  const Ref ref = slots_.take(arena_.classes().class_for(sizeof(Piece) + bytes));
  if (ref == kNoRef) return kNoRef;
  const bool is_first = last == kNoRef;
  const auto kind = is_first ? Entry::Kind::kDraft : Entry::Kind::kPiece;
  const Piece head{kNoRef, is_first ? header.draft : last, kNoRef, 0, static_cast<std::uint64_t>(kind)};
  write_racing(&arena_.at<Piece>(ref), &head, sizeof head);
  if (is_first && header.draft != kNoRef) arena_.set(arena_.at<Piece>(header.draft).owner, ref);
  arena_.set(is_first ? header.draft : arena_.at<Piece>(last).next, ref);
  return ref;
}

void EntryWriter::unlink_draft(Ref first) {
  const auto& piece = arena_.at<Piece>(first);
  arena_.set(piece.owner == kNoRef ? arena_.header().draft : arena_.at<Piece>(piece.owner).previous,
             piece.previous);
  if (piece.previous != kNoRef) arena_.set(arena_.at<Piece>(piece.previous).owner, piece.owner);
}

void EntryWriter::discard_draft(Ref first) {
  if (first == kNoRef) return;
  std::uint64_t slot_bytes = 0;
  for (Ref ref = first; ref != kNoRef; ref = arena_.at<Piece>(ref).next) {
    slot_bytes += arena_.classes().slot_bytes(arena_.class_of_page(page_of(ref)));
  }
  const Transaction transaction(arena_);
  unlink_draft(first);
  slots_.discard(first, slot_bytes);
}

EntryAt EntryWriter::write_head(const Plan& plan, const Fields& fields) {
  const Ref ref = slots_.take(plan.head_class);
  if (ref == kNoRef) broken("no page for an entry was kept ready");
  const EntryAt entry = entry_at(arena_, ref);
  // The slot was free: what is written here needs no note.
  const std::uint64_t deadline = deadline_bits(fields.deadline);
  const Entry header{
      .older = kNoRef,
      .newer = kNoRef,
      .place_and_deadline = deadline & 0xffff,
      .version_and_state = fields.version << Entry::kStateBits |
                           static_cast<std::uint64_t>(fields.on_disk) << Entry::kOnDiskShift |
                           static_cast<std::uint64_t>(Entry::List::kNone) << Entry::kListShift |
                           static_cast<std::uint64_t>(fields.kind),
      .value_bytes = static_cast<std::uint32_t>(plan.head_body + plan.piece_bytes - fields.key.size()),
      .key_bytes_and_shape =
          static_cast<std::uint32_t>(fields.key.size()) << 16 | fields.ordinal << 4 | plan.shape};
  write_racing(entry.entry, &header, sizeof header);
  const Entry::Due due{static_cast<std::uint32_t>(deadline >> 16), kNoRef, 0};
  if (entry->has(Entry::kHasDue)) write_racing(&entry->due(), &due, sizeof due);
  if (entry->has(Entry::kHasStale)) store_racing_halves(entry->stale_word(), fields.stale_ms);
  if (entry->has(Entry::kHasSince))
    store_racing_halves(entry->since_word(), static_cast<std::uint64_t>(kNever));
  copy_body(fields, 0, plan.head_body, entry->body());
  if (entry->has(Entry::kHasPieces)) {
    const Ref first = fields.draft == nullptr ? arena_.header().draft : fields.draft->hand_over();
    auto& piece = arena_.at<Piece>(first);
    unlink_draft(first);
    arena_.set(piece.state, static_cast<std::uint64_t>(Entry::Kind::kPiece));
    arena_.set(piece.previous, kNoRef);
    arena_.set(piece.owner, ref);
    store_racing(entry->first_piece(), first);
  }
  return entry;
}

bool EntryWriter::fits_in_place(EntryAt entry, const Plan& plan) const {
  return entry->shape() == plan.shape && !entry->has(Entry::kHasPieces) &&
         plan.head_class == arena_.class_of_page(page_of(entry.ref));
}

std::uint64_t EntryWriter::piece_slot_bytes(const Entry& entry) const {
  if (!entry.has(Entry::kHasPieces)) return 0;
  const std::uint64_t here = arena_.classes().largest_bytes() - Entry::body_offset(entry.shape());
  return slot_bytes_of_pieces(entry.body_bytes() - here);
}

void EntryWriter::free(EntryAt entry) {
  if (entry->has(Entry::kHasPieces) && entry->first_piece() != kNoRef) {
    slots_.discard(entry->first_piece(), piece_slot_bytes(*entry));
  }
  slots_.give_back(entry.ref);
}

void EntryWriter::drop_pieces_of_value(EntryAt entry) {
  if (!entry->has(Entry::kHasPieces) || entry->first_piece() == kNoRef) return;
  const std::uint64_t here = arena_.classes().largest_bytes() - Entry::body_offset(entry->shape());
  if (entry->key_bytes() > here) return;
  slots_.discard(entry->first_piece(), piece_slot_bytes(*entry));
  arena_.set(entry->first_piece(), kNoRef);
  arena_.set(entry->value_bytes, static_cast<std::uint32_t>(here - entry->key_bytes()));
}

}  // namespace pannier::storage
