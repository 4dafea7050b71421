#include "storage/cache.h"
#include "storage/catalog.h"

namespace pannier::storage {

EntryView Cache::view_of(EntryAt entry) const {
  return {value_of(arena_, entry), entry->version(), entry->deadline()};
}

Cache::Standing Cache::standing_of(EntryAt entry, TimeMs now) const {
  if (!entry) return may_be_cold() ? Standing::kCold : Standing::kAbsent;
  if (!entry->has_value() || is_covered(entry)) return Standing::kAbsent;
  if (now < entry->deadline()) return Standing::kLive;
  return now < stale_end(*entry) ? Standing::kStale : Standing::kAbsent;
}

Lookup Cache::lookup_of(EntryAt entry, TimeMs now) const {
  switch (standing_of(entry, now)) {
    case Standing::kLive:
      return Hit{view_of(entry)};
    case Standing::kStale:
      return Stale{view_of(entry)};
    case Standing::kCold:
      return Cold{};
    case Standing::kAbsent:
      break;
  }
  return Miss{};
}

void Cache::use(EntryAt entry) {
  const Transaction transaction(arena_);
  if (entry->list() == Entry::List::kRecency) {
    policy_->used(entry, stamp());
  } else if (entry->is_ahead()) {
    list(Entry::List::kAhead).make_newest(entry, stamp());
  }
}

Lookup Cache::find(const HashedKey& key, TimeMs now) {
  return lookup_of(index_.find(key.hash, key.key), now);
}

// Counters of reads are single stores, and need no transaction.

// Inlined whole: see put().
[[gnu::flatten]] Lookup Cache::get(const HashedKey& key, TimeMs now) {
  const EntryAt entry = index_.find(key.hash, key.key);
  switch (standing_of(entry, now)) {
    case Standing::kLive:
      ++record_.stats.hits;
      use(entry);
      return Hit{view_of(entry)};
    case Standing::kCold:
      return Cold{};
    case Standing::kStale:
    case Standing::kAbsent:
      break;
  }
  ++record_.stats.misses;
  return lookup_of(entry, now);
}

Lookup Cache::get_or_stale(std::string_view key, TimeMs now) {
  const EntryAt entry = entry_of(key);
  const Lookup lookup = lookup_of(entry, now);
  if (std::holds_alternative<Hit>(lookup)) use(entry);
  if (std::holds_alternative<Hit>(lookup) || std::holds_alternative<Stale>(lookup)) ++record_.stats.hits;
  return lookup;
}

void Cache::count_shared_hits(std::uint64_t hits) {
  record_.stats.hits += hits;
  record_.stats.shared_hits += hits;
}

void Cache::count_miss() { ++record_.stats.misses; }

}  // namespace pannier::storage
