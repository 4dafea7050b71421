#include "storage/migration.h"

#include <algorithm>
#include <tuple>

namespace pannier::storage {

Migration::Losses Migration::run(TimeMs now) {
  bring_header();
  bring_caches();
  std::vector<Found> entries = find_entries();
  // What is sure of its key comes before what is not, so that it keeps it. What is dirty must stay; of the
  // others the later ones push the earlier ones out.
  std::ranges::sort(entries, {}, [](const Found& found) {
    return std::tuple(found.is_doubtful, !found.is_dirty, found.place);
  });
  for (const Found& found : entries) bring(found, now);
  return losses_;
}

void Migration::bring_header() {
  const ArenaHeader& from = old_.header();
  Arena& arena = *fresh_.arena_;
  ArenaHeader& to = arena.header();
  const Transaction transaction(arena);
  arena.set(to.version_next, std::clamp<Version>(from.version_next, 1, kVersionMax + 1));
  arena.set(to.versions_bound, std::min<Version>(from.versions_bound, kVersionMax + 1));
  // A number that no cache ever had would leave none for those to come.
  constexpr std::uint32_t kIdsTrusted = 1U << 31;
  if (from.id_last < kIdsTrusted) arena.set(to.id_last, from.id_last);
  arena.set(to.store_bound, from.store_bound);
  arena.set(to.store_bound_pending, from.store_bound_pending);
  to.store_identity = from.store_identity;
}

void Migration::bring_caches() {
  Arena& arena = *fresh_.arena_;
  for (std::uint32_t ordinal = 0; ordinal < kCachesMax; ++ordinal) {
    const Ref ref = old_.cache_ref(ordinal);
    if (ref == kNoRef) continue;
    if (check_.fault_of_record(ordinal)) {
      losses_.has_all_caches = false;
      continue;
    }
    const auto& from = old_.at<CacheRecord>(ref);
    const std::string_view name(from.name.data(), from.name_bytes);
    const bool is_wanted = from.state == CacheRecord::kOpen && !fresh_.find(name) && !fresh_.find(from.id);
    Cache* const cache = is_wanted ? fresh_.add(from.id, name, settings_of(from)) : nullptr;
    if (cache == nullptr) {
      if (from.state == CacheRecord::kOpen) losses_.has_all_caches = false;
      if (is_wanted) losses_.had_room_for_caches = false;
      continue;
    }
    caches_.emplace(ordinal, cache);
    const Transaction transaction(arena);
    arena.set(cache->record_.disk_entries, from.disk_entries);
    cache->record_.stats = from.stats;
  }
}

std::vector<Migration::Found> Migration::find_entries() {
  std::vector<Found> entries;
  // All pages: one that was never used has no class.
  for (std::uint32_t page = old_.first_page(); page < old_.pages(); ++page) {
    const std::uint8_t number = old_.class_of_page(page);
    if (number < kFirstEntryClass || number >= old_.classes().count()) continue;
    const std::uint32_t used =
        std::min(old_.page(page).free_and_fresh & 0xffff, old_.classes().slots(number));
    for (std::uint32_t slot = 0; slot < used; ++slot) {
      const Ref ref = ref_of(page, slot);
      const auto& entry = old_.at<Entry>(ref);
      const bool is_entry = entry.kind() == Entry::Kind::kRecord || entry.kind() == Entry::Kind::kTombstone;
      if (!is_entry) continue;
      if (check_.fault_of_entry(ref) || !check_.is_known(ref)) {
        ++losses_.entries;
      } else if (caches_.contains(entry.ordinal())) {
        entries.push_back({!check_.is_indexed(ref), entry.is_unwritten(), entry.place(), ref});
      }
    }
  }
  return entries;
}

void Migration::bring(const Found& found, TimeMs now) {
  const EntryAt from = entry_at(old_, found.ref);
  Cache& cache = *caches_.at(from->ordinal());
  const auto& record = old_.at<CacheRecord>(old_.cache_ref(from->ordinal()));
  const bool may_have_cleared = record.clears > 0 && cache.is_durable();
  // As Cache::forget_cleared() does it.
  if (may_have_cleared && !from->is_unwritten() && !from->is_ahead()) return;
  std::string key_scratch;
  std::string value_scratch;
  EntryWriter::Fields fields;
  fields.key = key_of(old_, from).whole(key_scratch);
  fields.value = from->has_value() ? value_of(old_, from).whole(value_scratch) : std::string_view();
  fields.ordinal = cache.record_.ordinal;
  fields.kind = from->kind();
  fields.version = from->version();
  fields.deadline = from->deadline();
  fields.stale_ms = from->stale_ms();
  // A write that was in flight may be on disk nevertheless, and so may half of a clear.
  fields.on_disk = from->is_in_flight() || may_have_cleared ? OnDisk::kUnknown : from->on_disk();
  fields.is_durable = cache.is_durable();
  const bool is_known = bool(cache.entry_of(fields.key));
  if (is_known || !cache.bring(fields, *from, now)) {
    ++losses_.entries;
    if (found.is_dirty && !is_known) ++losses_.dirty_entries;
    return;
  }
  if (may_have_cleared && from->is_ahead()) return cache.mark_dirty(cache.entry_of(fields.key), now);
  // A new place: the old ones may be those of several orders, and two may be the same.
  Arena& arena = *fresh_.arena_;
  const Transaction transaction(arena);
  Word64& last = found.is_dirty ? arena.header().sequence_last : arena.header().stamp;
  set_place(arena, cache.entry_of(fields.key), ++last);
}

}  // namespace pannier::storage
