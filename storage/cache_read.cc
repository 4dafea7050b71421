#include "storage/cache.h"
#include "storage/catalog.h"

namespace pannier::storage {

EntryView Cache::view_of(const Entry& entry) { return {entry.value(), entry.version, entry.deadline}; }

Cache::Standing Cache::standing_of(const Entry* entry, TimeMs now) const {
  if (entry == nullptr) return may_be_cold() ? Standing::kCold : Standing::kAbsent;
  if (!entry->has_value() || is_covered(*entry)) return Standing::kAbsent;
  if (now < entry->deadline) return Standing::kLive;
  return now < stale_end(*entry) ? Standing::kStale : Standing::kAbsent;
}

Lookup Cache::lookup_of(const Entry* entry, TimeMs now) const {
  switch (standing_of(entry, now)) {
    case Standing::kLive:
      return Hit{view_of(*entry)};
    case Standing::kStale:
      return Stale{view_of(*entry)};
    case Standing::kCold:
      return Cold{};
    case Standing::kAbsent:
      break;
  }
  return Miss{};
}

void Cache::use(Entry& entry) {
  if (entry.list == Entry::List::kRecency) policy_->used(entry, stamp());
}

Lookup Cache::find(std::string_view key, TimeMs now) { return lookup_of(entry_of(key), now); }

Lookup Cache::get(std::string_view key, TimeMs now) {
  Entry* entry = entry_of(key);
  const Lookup lookup = lookup_of(entry, now);
  if (std::holds_alternative<Cold>(lookup)) return lookup;
  if (!std::holds_alternative<Hit>(lookup)) {
    ++stats_.misses;
    return lookup;
  }
  ++stats_.hits;
  use(*entry);
  return lookup;
}

Lookup Cache::get_or_stale(std::string_view key, TimeMs now) {
  Entry* entry = entry_of(key);
  const Lookup lookup = lookup_of(entry, now);
  if (std::holds_alternative<Hit>(lookup)) use(*entry);
  if (std::holds_alternative<Hit>(lookup) || std::holds_alternative<Stale>(lookup)) ++stats_.hits;
  return lookup;
}

void Cache::count_miss() { ++stats_.misses; }

}  // namespace pannier::storage
