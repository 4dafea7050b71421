#include "storage/arena_check.h"

#include <algorithm>
#include <limits>
#include <set>

#include "storage/hash.h"
#include "storage/settings.h"
#include "storage/slot_mover.h"

namespace pannier::storage {

ArenaCheck::ArenaCheck(Arena& arena, Charge charge) : arena_(arena), charge_(charge) {}

ArenaCheck::Fault ArenaCheck::fault() {
  if (auto fault = fault_of_header()) return fault;
  if (auto fault = fault_of_pages()) return fault;
  if (auto fault = fault_of_caches()) return fault;
  if (auto fault = fault_of_garbage()) return fault;
  return fault_of_unvisited();
}

ArenaCheck::Fault ArenaCheck::fault_of_header() const {
  const ArenaHeader& head = arena_.header();
  const bool is_in_range = head.stamp <= Entry::kPlaceMax && head.sequence_last <= Entry::kPlaceMax &&
                           head.version_next > 0 && head.version_next <= kVersionMax + 1 &&
                           head.versions_bound <= kVersionMax + 1 && head.id_last + 1 != 0;
  return is_in_range ? Fault() : Fault("a counter of the header is out of range");
}

bool ArenaCheck::is_slot(Ref ref, std::uint8_t number) const {
  const std::uint32_t page = page_of(ref);
  if (page < arena_.first_page() || page >= arena_.pages()) return false;
  return arena_.class_of_page(page) == number && slot_of(ref) < (arena_.page(page).free_and_fresh & 0xffff) &&
         slot_of(ref) < arena_.classes().slots(number);
}

bool ArenaCheck::is_entry_slot(Ref ref) const {
  const std::uint32_t page = page_of(ref);
  if (page < arena_.first_page() || page >= arena_.pages()) return false;
  const std::uint8_t number = arena_.class_of_page(page);
  return number >= kFirstEntryClass && number < arena_.classes().count() && is_slot(ref, number);
}

bool ArenaCheck::visit(Ref ref) {
  if (is_visited(ref)) return false;
  visited_[ref / kBits] |= std::uint64_t{1} << ref % kBits;
  return true;
}

ArenaCheck::Fault ArenaCheck::fault_of_record(std::uint32_t ordinal) const {
  const Ref ref = arena_.cache_ref(ordinal);
  const std::string name = "cache record " + std::to_string(ordinal);
  if (!is_slot(ref, kBlockClass)) return name + " is not where it should be";
  const auto& record = arena_.at<CacheRecord>(ref);
  const bool is_right = (record.state == CacheRecord::kOpen || record.state == CacheRecord::kDropped) &&
                        record.ordinal == ordinal && record.name_bytes <= CacheRecord::kNameBytesMax &&
                        has_known_kinds(record);
  if (!is_right || fault_of(settings_of(record))) return name + " holds something else";
  return std::nullopt;
}

ArenaCheck::Fault ArenaCheck::fault_of_caches() {
  std::set<std::string_view> names;
  std::set<std::uint32_t> ids;
  for (std::uint32_t ordinal = 0; ordinal < kCachesMax; ++ordinal) {
    const Ref ref = arena_.cache_ref(ordinal);
    if (ref == kNoRef) continue;
    if (auto fault = fault_of_record(ordinal)) return fault;
    if (!visit(ref)) return "two things are in the block of cache record " + std::to_string(ordinal);
    auto& record = arena_.at<CacheRecord>(ref);
    ++counts_.caches;
    const bool is_open = record.state == CacheRecord::kOpen;
    const std::string_view name(record.name.data(), record.name_bytes);
    if (record.id > arena_.header().id_last || !ids.insert(record.id).second ||
        (is_open && !names.insert(name).second))
      return "cache record " + std::to_string(ordinal) + " has the name or id of another";
    if (auto fault = fault_of_cache(record)) {
      return "cache " + std::string(name) + ": " + *fault;
    }
  }
  return std::nullopt;
}

ArenaCheck::Fault ArenaCheck::fault_of_cache(CacheRecord& record) {
  Sums sums;
  if (auto fault = fault_of_index(record, sums)) return fault;
  for (std::size_t list = 0; list < Entry::kLists; ++list) {
    if (record.lists[list].size != sums.listed[list]) return "a list has not the entries that say so";
    if (auto fault = fault_of_list(record, static_cast<Entry::List>(list))) return fault;
  }
  // What is in flight would be the oldest of what is dirty.
  const Ref in_flight = record.lists[static_cast<std::size_t>(Entry::List::kInFlight)].newest;
  const Ref dirty = record.lists[static_cast<std::size_t>(Entry::List::kDirty)].oldest;
  const bool has_both = in_flight != kNoRef && dirty != kNoRef;
  if (has_both && arena_.at<Entry>(in_flight).place() >= arena_.at<Entry>(dirty).place())
    return "what is in flight is newer than what is dirty";
  if (auto fault = fault_of_wheel(record, sums.due)) return fault;
  return fault_of_sums(record, sums);
}

ArenaCheck::Fault ArenaCheck::fault_of_entry(Ref ref) {
  if (!is_entry_slot(ref)) return "is in no slot";
  const EntryAt entry = entry_at(arena_, ref);
  const Entry::Kind kind = entry->kind();
  const bool is_entry =
      kind == Entry::Kind::kRecord || kind == Entry::Kind::kTombstone || kind == Entry::Kind::kVacant;
  if (!is_entry || entry->key_bytes() == 0) return "is no entry";
  const Ref cell = arena_.cache_ref(entry->ordinal());
  if (cell == kNoRef || !is_slot(cell, kBlockClass)) return "is of no cache";
  const auto& record = arena_.at<CacheRecord>(cell);
  const bool is_durable = record.tier == static_cast<std::uint32_t>(Tier::kDurable);
  if (is_durable != entry->has(Entry::kHasSince)) return "is of another tier than its cache";
  const std::uint64_t slot = arena_.classes().slot_bytes(arena_.class_of_page(page_of(ref)));
  const std::uint64_t head = Entry::body_offset(entry->shape());
  if (head > slot) return "is larger than its slot";
  if (!has_state(*entry, is_durable)) return "has a state that cannot be";
  if (!entry->has(Entry::kHasPieces)) {
    if (head + entry->body_bytes() > slot) return "is larger than its slot";
    return std::nullopt;
  }
  if (slot != arena_.classes().largest_bytes() || head + entry->body_bytes() < slot)
    return "is in too many slots";
  const std::uint64_t in_pieces = entry->body_bytes() - (slot - head);
  if (in_pieces == 0) return entry->first_piece() == kNoRef ? Fault() : Fault("has a piece too many");
  if (!is_entry_slot(entry->first_piece())) return "has lost its pieces";
  if (arena_.at<Piece>(entry->first_piece()).owner != ref) return "its pieces belong to another";
  return fault_of_chain(entry->first_piece(), in_pieces, Entry::Kind::kPiece);
}

bool ArenaCheck::has_state(const Entry& entry, bool is_durable) const {
  using enum Entry::List;
  if (entry.on_disk() > OnDisk::kUnknown) return false;
  if (entry.is_expired() && (!entry.has_value() || entry.deadline() == kNever)) return false;
  if (!is_durable) {
    return entry.has_value() && !entry.is_in_flight() && !entry.is_held() && entry.on_disk() == OnDisk::kNo &&
           entry.list() == (entry.is_expired() ? kStale : kRecency);
  }
  if (entry.kind() == Entry::Kind::kTombstone && !entry.is_unwritten()) return false;
  if (entry.kind() == Entry::Kind::kVacant && !entry.is_held()) return false;
  constexpr std::uint64_t kTimeMax = std::uint64_t{1} << 48;
  if (entry.is_unwritten() && static_cast<std::uint64_t>(entry.dirty_since()) >= kTimeMax) return false;
  if (entry.is_dirty()) return true;
  if (entry.is_in_flight()) return entry.list() == kInFlight;
  if (entry.is_held()) return entry.list() == kHeld;
  return entry.is_ahead() || entry.list() == (entry.is_expired() ? kStale : kRecency);
}

ArenaCheck::Fault ArenaCheck::fault_of_chain(Ref first, std::uint64_t bytes, Entry::Kind kind) {
  const bool is_body = kind == Entry::Kind::kPiece;
  const PageClasses& classes = arena_.classes();
  const std::uint64_t most = classes.largest_bytes() - sizeof(Piece);
  Ref previous = kNoRef;
  for (Ref ref = first; ref != kNoRef; ref = arena_.at<Piece>(ref).next) {
    if (!is_entry_slot(ref)) return "a chain of pieces leads astray";
    const auto& piece = arena_.at<Piece>(ref);
    const auto own_kind = ref == first ? kind : Entry::Kind::kPiece;
    if (piece.state != static_cast<std::uint64_t>(own_kind)) return "a piece is none";
    if (ref != first && (piece.previous != previous || piece.owner != kNoRef))
      return "a chain of pieces is broken";
    const std::uint64_t slot = classes.slot_bytes(arena_.class_of_page(page_of(ref)));
    if (is_body) {
      const std::uint64_t here = std::min(bytes, most);
      if (here == 0 || slot != classes.slot_bytes(classes.class_for(sizeof(Piece) + here)))
        return "a piece is not of its size";
      bytes -= here;
    } else {
      if (bytes < slot) return "there is more garbage than was counted";
      bytes -= slot;
      ++(kind == Entry::Kind::kGarbage ? counts_.garbage_pieces : counts_.draft_pieces);
      if (!visit(ref)) return "a piece of garbage or of a draft is something else too";
    }
    previous = ref;
  }
  return bytes == 0 || !is_body ? Fault() : Fault("a piece is missing");
}

ArenaCheck::Fault ArenaCheck::fault_of_garbage() {
  const ArenaHeader& head = arena_.header();
  std::uint64_t left = head.garbage_bytes;
  if (auto fault = fault_of_chains(head.garbage, Entry::Kind::kGarbage, left)) return fault;
  if (left != 0) return "the sum of the garbage is wrong";
  std::uint64_t any = std::numeric_limits<std::uint64_t>::max();
  return fault_of_chains(head.draft, Entry::Kind::kDraft, any);
}

ArenaCheck::Fault ArenaCheck::fault_of_chains(Ref latest, Entry::Kind kind, std::uint64_t& left_bytes) {
  Ref later = kNoRef;
  // No circle: no slot is visited twice.
  for (Ref chain = latest; chain != kNoRef; chain = arena_.at<Piece>(chain).previous) {
    if (!is_entry_slot(chain)) return "the garbage or a draft leads astray";
    if (arena_.at<Piece>(chain).owner != later) return "the garbage or the drafts are linked wrongly";
    if (auto fault = fault_of_chain(chain, left_bytes, kind)) return fault;
    for (Ref ref = chain; ref != kNoRef; ref = arena_.at<Piece>(ref).next) {
      left_bytes -= arena_.classes().slot_bytes(arena_.class_of_page(page_of(ref)));
    }
    later = chain;
  }
  return std::nullopt;
}

}  // namespace pannier::storage
