#include "storage/arena_check.h"

#include "storage/hash.h"
#include "storage/settings.h"
#include "storage/slot_mover.h"

namespace pannier::storage {

ArenaCheck::ArenaCheck(Arena& arena) : arena_(arena) {}

ArenaCheck::Fault ArenaCheck::fault() {
  if (auto fault = fault_of_pages()) return fault;
  if (auto fault = fault_of_caches()) return fault;
  if (auto fault = fault_of_garbage()) return fault;
  return fault_of_unvisited();
}

bool ArenaCheck::is_slot(Ref ref, std::uint8_t number) const {
  const std::uint32_t page = page_of(ref);
  if (page < arena_.first_page() || page >= arena_.header().fresh_page) return false;
  return arena_.class_of_page(page) == number && slot_of(ref) < (arena_.page(page).free_and_fresh & 0xffff) &&
         slot_of(ref) < arena_.classes().slots(number);
}

bool ArenaCheck::is_entry_slot(Ref ref) const {
  const std::uint32_t page = page_of(ref);
  if (page < arena_.first_page() || page >= arena_.header().fresh_page) return false;
  const std::uint8_t number = arena_.class_of_page(page);
  return number >= kFirstEntryClass && number < arena_.classes().count() && is_slot(ref, number);
}

bool ArenaCheck::visit(Ref ref) {
  auto slots = visited_[page_of(ref)].begin();
  slots += slot_of(ref);
  if (*slots) return false;
  *slots = true;
  return true;
}

ArenaCheck::Fault ArenaCheck::fault_of_record(std::uint32_t ordinal) const {
  const Ref ref = arena_.cache_ref(ordinal);
  const std::string name = "cache record " + std::to_string(ordinal);
  if (!is_slot(ref, kBlockClass)) return name + " is not where it should be";
  const auto& record = arena_.at<CacheRecord>(ref);
  const bool is_right = (record.state == CacheRecord::kOpen || record.state == CacheRecord::kDropped) &&
                        record.ordinal == ordinal && record.name_bytes <= CacheRecord::kNameBytesMax &&
                        record.tier <= static_cast<std::uint32_t>(Tier::kDurable) &&
                        record.policy <= static_cast<std::uint32_t>(PolicyKind::kFifo) &&
                        record.id <= arena_.header().id_last;
  if (!is_right || fault_of(settings_of(record))) return name + " holds something else";
  return std::nullopt;
}

ArenaCheck::Fault ArenaCheck::fault_of_caches() {
  for (std::uint32_t ordinal = 0; ordinal < kCachesMax; ++ordinal) {
    const Ref ref = arena_.cache_ref(ordinal);
    if (ref == kNoRef) continue;
    if (auto fault = fault_of_record(ordinal)) return fault;
    if (!visit(ref)) return "two things are in the block of cache record " + std::to_string(ordinal);
    auto& record = arena_.at<CacheRecord>(ref);
    ++counts_.caches;
    if (auto fault = fault_of_cache(record)) {
      return "cache " + std::string(record.name.data(), record.name_bytes) + ": " + *fault;
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
  return fault_of_chain(entry->first_piece(), in_pieces, true);
}

ArenaCheck::Fault ArenaCheck::fault_of_chain(Ref first, std::uint64_t bytes, bool is_body) {
  const PageClasses& classes = arena_.classes();
  const std::uint64_t most = classes.largest_bytes() - sizeof(Piece);
  Ref previous = kNoRef;
  for (Ref ref = first; ref != kNoRef; ref = arena_.at<Piece>(ref).next) {
    if (!is_entry_slot(ref)) return "a chain of pieces leads astray";
    const auto& piece = arena_.at<Piece>(ref);
    const auto kind = static_cast<Entry::Kind>(piece.state);
    const bool is_first_garbage = !is_body && ref == first;
    if (kind != (is_first_garbage ? Entry::Kind::kGarbage : Entry::Kind::kPiece)) return "a piece is none";
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
      ++counts_.garbage_pieces;
      if (!visit(ref)) return "a piece of garbage is something else too";
    }
    previous = ref;
  }
  return bytes == 0 || !is_body ? Fault() : Fault("a piece is missing");
}

ArenaCheck::Fault ArenaCheck::fault_of_garbage() {
  const ArenaHeader& head = arena_.header();
  std::uint64_t left = head.garbage_bytes;
  Ref owner = kNoRef;
  for (Ref chain = head.garbage; chain != kNoRef; chain = arena_.at<Piece>(chain).previous) {
    if (!is_entry_slot(chain)) return "the garbage leads astray";
    if (arena_.at<Piece>(chain).owner != owner) return "the garbage is linked wrongly";
    const std::uint64_t before = counts_.garbage_pieces;
    if (auto fault = fault_of_chain(chain, left, false)) return fault;
    if (counts_.garbage_pieces == before) return "the garbage is a circle";
    for (Ref ref = chain; ref != kNoRef; ref = arena_.at<Piece>(ref).next) {
      left -= arena_.classes().slot_bytes(arena_.class_of_page(page_of(ref)));
    }
    owner = chain;
  }
  if (left != 0) return "the sum of the garbage is wrong";
  for (Ref ref = head.draft; ref != kNoRef; ref = arena_.at<Piece>(ref).next) {
    if (!is_entry_slot(ref) || !visit(ref)) return "the draft leads astray";
  }
  return std::nullopt;
}

}  // namespace pannier::storage
