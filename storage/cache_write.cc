#include "storage/broken.h"
#include "storage/cache.h"
#include "storage/catalog.h"
#include "storage/hash.h"

namespace pannier::storage {
namespace {

bool holds(const Condition& condition, const Entry* live) {
  switch (condition.kind) {
    case Condition::Kind::kAlways:
      return true;
    case Condition::Kind::kAbsent:
      return live == nullptr;
    case Condition::Kind::kPresent:
      return live != nullptr;
    case Condition::Kind::kVersion:
      return live != nullptr && live->version == condition.version;
  }
  broken("a condition of no kind");
}

std::optional<NotSupported> ttl_fault(const Ttl& ttl, Tier tier) {
  const TierTraits& traits = traits_of(tier);
  if (ttl.kind != Ttl::Kind::kNone || !traits.needs_deadlines) return std::nullopt;
  return NotSupported{"ttl_ms: nil means no deadline, and every entry of tier " + std::string(traits.name) +
                      " needs one"};
}

}  // namespace

TimeMs Cache::deadline_of(const Ttl& ttl, TimeMs without, TimeMs now) const {
  switch (ttl.kind) {
    case Ttl::Kind::kNone:
      return kNever;
    case Ttl::Kind::kGiven:
      return later(now, ttl.ms);
    case Ttl::Kind::kCacheDefault:
      break;
  }
  return settings_.age_ms_max ? later(now, *settings_.age_ms_max) : without;
}

Cache::Draft Cache::draft_of(const PutOptions& options, const Entry* live, TimeMs now) const {
  if (options.keep_ttl && live != nullptr) return {live->deadline, live->stale_ms};
  return {deadline_of(options.ttl, kNever, now), options.stale_ms.value_or(settings_.stale_ms)};
}

PutOutcome Cache::put(std::string_view key, std::string_view value, const PutOptions& options, TimeMs now) {
  if (auto fault = ttl_fault(options.ttl, settings_.tier)) return *std::move(fault);
  const std::uint64_t hash = hash_of(key, catalog_.hash_seed_);
  Entry* old_entry = noticed(index_.find(hash, key), now);
  const Standing standing = standing_of(old_entry, now);
  const bool must_know = options.keep_ttl || options.condition.kind != Condition::Kind::kAlways;
  if (standing == Standing::kCold && must_know) return Cold{};
  Entry* live = standing == Standing::kLive ? old_entry : nullptr;
  if (!holds(options.condition, live)) return NotHeld{};

  const Draft draft = draft_of(options, live, now);
  const bool is_same = live != nullptr && is_durable() && live->value() == value &&
                       live->deadline == draft.deadline && live->stale_ms == draft.stale_ms;
  if (is_same && catalog_.versions_left() > 0) return put_same(*live);
  const std::uint64_t charge_bytes = catalog_.options_.charge(key.size(), value.size());
  if (auto refusal = make_room(charge_bytes, old_entry, now)) return *std::move(refusal);

  EntryPointer fresh = draft_entry(hash, key, value);
  fresh->deadline = draft.deadline;
  fresh->stale_ms = draft.stale_ms;
  return store(old_entry, live != nullptr, std::move(fresh), now);
}

Written Cache::put_same(Entry& entry) {
  entry.version = *catalog_.take_version();
  set_ahead(entry, !entry.is_unwritten());
  use(entry);
  ++stats_.puts;
  tell(entry, Change::kWritten);
  return {entry.version};
}

Written Cache::store(Entry* old_entry, bool keeps_place, EntryPointer fresh, TimeMs now) {
  fresh->version = *catalog_.take_version();
  if (old_entry != nullptr) count_covered(*old_entry);
  if (old_entry == nullptr) fresh->on_disk = may_be_cold() ? OnDisk::kUnknown : OnDisk::kNo;
  Entry& entry =
      old_entry == nullptr ? add(std::move(fresh)) : supersede(*old_entry, std::move(fresh), keeps_place);
  if (is_durable()) {
    mark_dirty(entry, now);
  } else if (entry.list == Entry::List::kNone) {
    policy_->inserted(entry, stamp());
  }
  schedule(entry, now);
  ++stats_.puts;
  tell(entry, Change::kWritten);
  return {entry.version};
}

std::optional<std::variant<TooBig, DirtyFull, NotSupported>> Cache::refusal_of(
    const std::vector<std::pair<std::string_view, std::string_view>>& entries,
    const PutOptions& options) const {
  if (auto fault = ttl_fault(options.ttl, settings_.tier)) return *std::move(fault);
  std::uint64_t total_bytes = 0;
  for (const auto& [key, value] : entries) {
    const std::uint64_t charge_bytes = catalog_.options_.charge(key.size(), value.size());
    if (auto refusal = too_big(charge_bytes)) return *refusal;
    total_bytes += charge_bytes;
  }
  if (auto full = dirty_full(total_bytes, nullptr)) return *full;
  return std::nullopt;
}

EraseOutcome Cache::erase(std::string_view key, std::optional<Version> if_version, TimeMs now) {
  Entry* entry = noticed(entry_of(key), now);
  const Standing standing = standing_of(entry, now);
  if (standing == Standing::kCold) return Cold{};
  const bool is_live = standing == Standing::kLive;
  if (if_version && (!is_live || entry->version != *if_version)) return Erased{false};
  // Nothing is left to erase, unless a clear under way has yet to reach the key on disk.
  if (entry == nullptr || entry->kind == Entry::Kind::kTombstone) return Erased{false};
  if (!entry->has_value() && !may_be_on_disk(*entry)) return Erased{false};
  if (may_be_on_disk(*entry)) {
    const std::uint64_t charge_bytes = catalog_.options_.charge(key.size(), 0);
    if (auto full = dirty_full(charge_bytes, entry)) return *full;
  }
  if (is_live) {
    ++stats_.deletes;
    tell(*entry, Change::kErased);
  } else {
    count_covered(*entry);
  }
  let_go(*entry, now);
  return Erased{is_live};
}

TouchOutcome Cache::touch(std::string_view key, Ttl ttl, TimeMs now) {
  if (auto fault = ttl_fault(ttl, settings_.tier)) return *std::move(fault);
  Entry* entry = noticed(entry_of(key), now);
  const Standing standing = standing_of(entry, now);
  if (standing == Standing::kCold) return Cold{};
  if (standing != Standing::kLive) return Touched{false};
  const TimeMs deadline = deadline_of(ttl, entry->deadline, now);
  if (deadline != entry->deadline) {
    if (auto full = dirty_full(entry->charge_bytes, entry)) return *full;
    deadlines_.remove(*entry);
    entry->deadline = deadline;
    schedule(*entry, now);
    if (is_durable()) mark_dirty(*entry, now);
  }
  use(*entry);
  return Touched{true};
}

}  // namespace pannier::storage
