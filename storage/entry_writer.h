// EntryWriter lays entries out in slots, and takes them apart again. It links them into nothing.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "storage/entry.h"
#include "storage/slots.h"

namespace pannier::storage {

class Draft;

class EntryWriter {
 public:
  /// How the bytes of an entry are spread.
  struct Plan {
    std::uint32_t shape;        ///< kHasPieces included
    std::uint8_t head_class;    ///< of its first slot
    std::uint64_t head_body;    ///< bytes of key and value there
    std::uint64_t piece_bytes;  ///< of key and value in pieces
    std::uint64_t slot_bytes;   ///< of all slots together
  };
  /// What a new entry is made with. All else about it is set when it is linked.
  struct Fields {
    std::string_view key{};
    std::string_view value{};  ///< with a draft, what comes before that
    Draft* draft = nullptr;    ///< the rest of the value, if it is there already
    std::uint32_t ordinal = 0;
    Entry::Kind kind = Entry::Kind::kRecord;
    Version version = 0;
    TimeMs deadline = kNever;
    std::uint64_t stale_ms = 0;
    OnDisk on_disk = OnDisk::kNo;
    bool is_durable = false;
  };

  EntryWriter(Arena& arena, Slots& slots) : arena_(arena), slots_(slots) {}
  EntryWriter(const EntryWriter&) = delete;
  EntryWriter& operator=(const EntryWriter&) = delete;

  Plan plan(const Fields& fields) const { return plan(fields, fields.value.size()); }
  /// The same for a value of so many bytes, whatever there is of it.
  Plan plan(const Fields& fields, std::uint64_t value_bytes) const;
  /// Writes the next piece of a draft, in a transaction of its own. False: no page is ready. `done_bytes`
  /// grows from 0 to plan.piece_bytes; `last` is the latest piece, and must be watched between two calls.
  bool write_piece(const Plan& plan, const Fields& fields, std::uint64_t& done_bytes, Ref& last);
  /// A piece of a draft behind `last`, or the first of a new one, that has room for `bytes` (at most
  /// piece_capacity()), which are to be written by the caller. In a transaction of its own. kNoRef: no page
  /// is ready.
  Ref add_piece(std::uint64_t bytes, Ref last);
  /// Takes the draft that begins with this piece back; nothing for kNoRef.
  void discard_draft(Ref first);
  /// The entry, in no list, with the pieces of fields.draft, or else of the latest draft. Part of a
  /// transaction. Precondition: a page is ready.
  EntryAt write_head(const Plan& plan, const Fields& fields);
  /// Whether the plan's entry could be in the slot of this one.
  bool fits_in_place(EntryAt entry, const Plan& plan) const;
  /// All slots of it become free. Part of a transaction. Precondition: it is linked nowhere.
  void free(EntryAt entry);
  /// An entry that has no value any more need not keep the pieces that only the value was in. Part of a
  /// transaction.
  void drop_pieces_of_value(EntryAt entry);
  std::uint64_t piece_slot_bytes(const Entry& entry) const;
  /// Of all pieces but the last.
  std::uint64_t piece_capacity() const { return arena_.classes().largest_bytes() - sizeof(Piece); }
  std::uint64_t slot_bytes_of_pieces(std::uint64_t bytes) const;

 private:
  /// It is a draft no more. Part of a transaction.
  void unlink_draft(Ref first);

  Arena& arena_;
  Slots& slots_;
};

}  // namespace pannier::storage
