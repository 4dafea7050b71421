// Entry: a key with its value, or the memory of a durable key that has none, in a slot of the arena: this
// header, the fields that not every entry has, the key's bytes, the value's. What does not fit into the
// largest slot goes on in pieces, each in a slot of its own.
//
// Owned by its cache, which links it into the index, into one EntryList, and into the wheel of deadlines. An
// entry may be moved to another slot whenever a slot is taken (slot_mover.h): a pointer or Ref that is kept
// across that must be watched.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "storage/arena.h"
#include "storage/durable_store.h"
#include "storage/types.h"

namespace pannier::storage {

/// Deadlines have 48 bits: up to 2^47 they are milliseconds, to the year 6429; from there on the lower 47
/// bits are units of 256 ms, which reaches over the longest duration there is (2^53 ms). All bits: none.
struct DeadlineBits {
  static constexpr std::uint64_t kNone = (std::uint64_t{1} << 48) - 1;
  static constexpr std::uint64_t kCoarse = std::uint64_t{1} << 47;
  static constexpr unsigned kCoarseShift = 8;
  static constexpr std::uint64_t kEnd = (kCoarse - 1) << kCoarseShift;
};
/// A deadline as an entry has it.
constexpr std::uint64_t deadline_bits(TimeMs deadline) {
  const auto bits = static_cast<std::uint64_t>(deadline);
  if (bits >= DeadlineBits::kEnd) return DeadlineBits::kNone;
  return bits < DeadlineBits::kCoarse ? bits : DeadlineBits::kCoarse + (bits >> DeadlineBits::kCoarseShift);
}
/// The way back, from the upper 32 of its bits and the lower 16.
constexpr TimeMs deadline_from(std::uint32_t high, std::uint64_t low) {
  const std::uint64_t bits = (std::uint64_t{high} << 16) | low;
  if (bits == DeadlineBits::kNone) return kNever;
  const std::uint64_t coarse = DeadlineBits::kCoarse;
  return static_cast<TimeMs>(bits < coarse ? bits : (bits - coarse) << DeadlineBits::kCoarseShift);
}

struct Entry {
  enum class Kind : std::uint8_t {
    kFree,       ///< not an entry
    kRecord,     ///< has a value
    kTombstone,  ///< durable, erased or expired in memory, and the disk does not know yet
    kVacant,     ///< durable, known to be absent; kept while someone waits for that knowledge
    kPiece,      ///< not an entry: more of one's bytes
    kGarbage,    ///< not an entry: the first piece of one that is gone
    kDraft,      ///< not an entry: the first piece of one that is not there yet
  };
  /// Each entry is in exactly one.
  enum class List : std::uint8_t {
    kRecency,   ///< may go for space
    kStale,     ///< its expiry was noticed, and it is kept for a lease
    kDirty,     ///< differs from the disk and from what is in flight
    kInFlight,  ///< a state of it is in the batch in flight, and nothing newer is there
    kHeld,      ///< someone waits for a load of its key
    kAhead,     ///< clean, but the version on disk is an older one
    kNone = 7,  ///< only within a transaction
  };
  static constexpr std::size_t kLists = 6;

  // -- the words; written through the arena alone

  Ref older;  ///< EntryList
  Ref newer;
  Word64 place_and_deadline;  ///< place << 16 | low 16 bits of the deadline
  Word64 version_and_state;   ///< version << 11 | held, in flight, expired, on disk (2), list (3), kind (3)
  std::uint32_t value_bytes;
  std::uint32_t key_bytes_and_shape;  ///< key bytes << 16 | ordinal of the cache << 4 | shape

  // -- what has which fields beside them, in this order

  static constexpr std::uint32_t kHasDue = 1;     ///< Due
  static constexpr std::uint32_t kHasStale = 2;   ///< Word64: the stale window, in ms
  static constexpr std::uint32_t kHasSince = 4;   ///< Word64: when it became dirty
  static constexpr std::uint32_t kHasPieces = 8;  ///< Ref of the first piece
  struct Due {
    std::uint32_t deadline_high;  ///< bits 16 to 47
    Ref next;                     ///< of the same slot of the wheel
    Ref previous;                 ///< kFirstOfSlot | slot for the first; 0: not in the wheel
  };
  static constexpr std::uint32_t kFirstOfSlot = 1U << 31;

  static constexpr unsigned kStateBits = 11;
  static constexpr std::uint64_t kKindMask = 7;
  static constexpr unsigned kListShift = 3;
  static constexpr std::uint64_t kListMask = 7U << kListShift;
  static constexpr unsigned kOnDiskShift = 6;
  static constexpr std::uint64_t kOnDiskMask = 3U << kOnDiskShift;
  static constexpr std::uint64_t kExpired = 1U << 8;
  static constexpr std::uint64_t kInFlight = 1U << 9;
  static constexpr std::uint64_t kHeld = 1U << 10;
  static constexpr std::uint64_t kPlaceMax = (std::uint64_t{1} << 48) - 1;

  Kind kind() const { return static_cast<Kind>(version_and_state & kKindMask); }
  List list() const { return static_cast<List>((version_and_state & kListMask) >> kListShift); }
  OnDisk on_disk() const { return static_cast<OnDisk>((version_and_state & kOnDiskMask) >> kOnDiskShift); }
  bool is_expired() const { return (version_and_state & kExpired) != 0; }
  bool is_in_flight() const { return (version_and_state & kInFlight) != 0; }
  bool is_held() const { return (version_and_state & kHeld) != 0; }
  bool is_dirty() const { return list() == List::kDirty; }
  bool is_ahead() const { return list() == List::kAhead; }
  bool has_value() const { return kind() == Kind::kRecord; }
  /// Must stay in memory until the disk has it.
  bool is_unwritten() const { return is_dirty() || is_in_flight(); }

  Version version() const { return version_and_state >> kStateBits; }
  /// The stamp by which lists of several caches compare: of the last use (fifo: of insertion) in the recency
  /// order, of its expiry among the stale, the dirty sequence among the dirty and in flight.
  std::uint64_t place() const { return place_and_deadline >> 16; }
  std::uint32_t key_bytes() const { return key_bytes_and_shape >> 16; }
  std::uint32_t ordinal() const { return (key_bytes_and_shape >> 4) & 0xfff; }
  std::uint32_t shape() const { return key_bytes_and_shape & 0xf; }
  bool has(std::uint32_t part) const { return (key_bytes_and_shape & part) != 0; }

  /// kNever without one.
  TimeMs deadline() const;
  std::uint64_t stale_ms() const { return has(kHasStale) ? std::uint64_t{stale_word()} : 0; }
  TimeMs dirty_since() const { return has(kHasSince) ? static_cast<TimeMs>(since_word()) : kNever; }

  Due& due() const { return *reinterpret_cast<Due*>(extra(0)); }
  Word64& stale_word() const { return *reinterpret_cast<Word64*>(extra(kHasStale - 1)); }
  Word64& since_word() const { return *reinterpret_cast<Word64*>(extra(kHasSince - 1)); }
  Ref& first_piece() const { return *reinterpret_cast<Ref*>(extra(kHasPieces - 1)); }

  /// Header and fields of an entry of that shape: where its bytes begin.
  static constexpr std::uint32_t body_offset(std::uint32_t shape) {
    return 32 + (shape & kHasDue ? 12 : 0) + (shape & kHasStale ? 8 : 0) + (shape & kHasSince ? 8 : 0) +
           (shape & kHasPieces ? 4 : 0);
  }
  char* body() const { return extra(0xf); }
  std::uint64_t body_bytes() const { return std::uint64_t{key_bytes()} + value_bytes; }

 private:
  /// Behind the header and those of the `parts` that the entry has.
  char* extra(std::uint32_t parts) const {
    return const_cast<char*>(reinterpret_cast<const char*>(this)) + body_offset(shape() & parts);
  }
};
static_assert(sizeof(Entry) == 32);
inline constexpr std::uint32_t kEntryBytesMin = 36;  ///< with a key of one byte

/// Bytes of an entry that did not fit into its slot; they follow this header.
struct Piece {
  Ref next;      ///< 0 at the end
  Ref previous;  ///< of the first: 0, or among drafts and garbage the chain that was there before
  Ref owner;     ///< of the first: the entry, or among drafts and garbage the chain that came after
  std::uint32_t unused;
  Word64 state;  ///< Kind, at the place where an entry has it
  char* body() { return reinterpret_cast<char*>(this + 1); }
};
static_assert(sizeof(Piece) == 24 && offsetof(Piece, state) == offsetof(Entry, version_and_state));

/// An entry where it is now.
struct EntryAt {
  Ref ref = kNoRef;
  Entry* entry = nullptr;

  explicit operator bool() const { return ref != kNoRef; }
  Entry* operator->() const { return entry; }
  Entry& operator*() const { return *entry; }
  friend bool operator==(const EntryAt& left, const EntryAt& right) { return left.ref == right.ref; }
};
inline EntryAt entry_at(const Arena& arena, Ref ref) {
  return ref == kNoRef ? EntryAt{} : EntryAt{ref, &arena.at<Entry>(ref)};
}

/// Bytes in the arena, in one part or several. Valid until the next call of storage that is not const.
class BytesView {
 public:
  BytesView() = default;
  // Bytes elsewhere, which must outlive the view.
  BytesView(std::string_view whole) : first_(whole), bytes_(whole.size()) {}
  BytesView(const std::string& whole) : BytesView(std::string_view(whole)) {}
  BytesView(const Arena& arena, std::string_view first, Ref piece, std::uint64_t skip, std::uint64_t bytes)
      : arena_(&arena), first_(first), piece_(piece), skip_(skip), bytes_(bytes) {}

  std::uint64_t size() const { return bytes_; }
  /// All of it, if it is in one part.
  bool is_whole() const { return first_.size() == bytes_; }
  /// All of it; copied into `scratch` only if it is in several parts.
  std::string_view whole(std::string& scratch) const;
  std::string str() const;
  explicit operator std::string() const { return str(); }
  /// Calls `use` with one part after the other.
  template <typename Use>
  void for_each_part(Use use) const {
    if (!first_.empty()) use(first_);
    std::uint64_t left = bytes_ - first_.size();
    std::uint64_t skip = skip_;
    for (Ref ref = piece_; left > 0;) {
      const std::string_view part = part_of(ref, skip, left);
      if (!part.empty()) use(part);
      left -= part.size();
      ref = arena_->at<Piece>(ref).next;
    }
  }
  friend bool operator==(const BytesView& left, std::string_view right);

 private:
  /// What a piece holds of it; `skip` bytes before it belong to something else.
  std::string_view part_of(Ref ref, std::uint64_t& skip, std::uint64_t left) const;

  const Arena* arena_ = nullptr;
  std::string_view first_;
  Ref piece_ = kNoRef;
  std::uint64_t skip_ = 0;
  std::uint64_t bytes_ = 0;
};

BytesView key_of(const Arena& arena, EntryAt entry);
BytesView value_of(const Arena& arena, EntryAt entry);
bool key_equals(const Arena& arena, EntryAt entry, std::string_view key);

/// Within a transaction each.
void set_state(Arena& arena, EntryAt entry, std::uint64_t mask, std::uint64_t bits);
void set_kind(Arena& arena, EntryAt entry, Entry::Kind kind);
void set_on_disk(Arena& arena, EntryAt entry, OnDisk on_disk);
void set_version(Arena& arena, EntryAt entry, Version version);
void set_place(Arena& arena, EntryAt entry, std::uint64_t place);
/// Precondition: it has kHasDue, or `deadline` is kNever.
void set_deadline(Arena& arena, EntryAt entry, TimeMs deadline);

/// When an entry stops being of use to anyone: the end of its stale window. Saturates at kNever.
TimeMs stale_end(const Entry& entry);
/// `time` + `span_ms`, rounded down to what an entry can have: from the year 6429 on to 256 ms. kNever from
/// the year 1,143,000 on.
TimeMs later(TimeMs time, std::uint64_t span_ms);

}  // namespace pannier::storage
