#include "storage/broken.h"
#include "storage/cache.h"
#include "storage/catalog.h"

namespace pannier::storage {
namespace {

bool holds(const Condition& condition, EntryAt live) {
  switch (condition.kind) {
    case Condition::Kind::kAlways:
      return true;
    case Condition::Kind::kAbsent:
      return !live;
    case Condition::Kind::kPresent:
      return bool(live);
    case Condition::Kind::kVersion:
      return live && live->version() == condition.version;
  }
  broken("a condition of no kind");
}

bool lacks_deadline(const Ttl& ttl, const TierTraits& traits) {
  return ttl.kind == Ttl::Kind::kNone && traits.needs_deadlines;
}

NotSupported no_deadline(const TierTraits& traits) {
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

Cache::Fields Cache::fields_of(std::string_view key, std::string_view value, const PutOptions& options,
                               EntryAt live, TimeMs now) const {
  Fields fields{.key = key, .value = value, .ordinal = record_.ordinal, .is_durable = is_durable()};
  const bool keeps = options.keep_ttl && live;
  fields.deadline = keeps ? live->deadline() : deadline_of(options.ttl, kNever, now);
  fields.stale_ms = keeps ? live->stale_ms() : options.stale_ms.value_or(settings_.stale_ms);
  return fields;
}

// Inlined whole, as get() is: what a call saves and restores keeps the processor from beginning the next one
// while this one waits for memory.
[[gnu::flatten]] PutOutcome Cache::put(const HashedKey& key, std::string_view value,
                                       const PutOptions& options, TimeMs now) {
  const EntryAt entry = index_.find(key.hash, key.key);
  if (entry && is_alike(*entry, value.size(), options)) return overwrite_alike(entry, key, value);
  return put_at(key.hash, entry, key.key, value, options, now);
}

bool Cache::is_alike(const Entry& entry, std::uint64_t value_bytes, const PutOptions& options) const {
  // Without fields it is of no durable cache, is in one slot, and never expires.
  return entry.shape() == 0 && entry.value_bytes == value_bytes && value_bytes <= Arena::kOverwriteMax &&
         options.condition.kind == Condition::Kind::kAlways && !options.keep_ttl &&
         options.ttl.kind == Ttl::Kind::kCacheDefault && !settings_.age_ms_max && !options.stale_ms &&
         settings_.stale_ms == 0 && used_bytes() <= settings_.bytes_max.value_or(used_bytes()) &&
         clears_.empty() && catalog_.versions_left() > 0;
}

Written Cache::overwrite_alike(EntryAt entry, const HashedKey& key, std::string_view value) {
  const Transaction transaction(arena_);
  index_.disturb(key.hash);
  const Version version = *catalog_.take_version();
  arena_.overwrite(entry->body() + key.key.size(), value.data(), value.size());
  set_version(arena_, entry, version);
  policy_->used(entry, stamp());
  bump(record_.stats.puts);
  tell(key.key, Change::kWritten);
  return {version};
}

[[gnu::noinline]] PutOutcome Cache::put_at(std::uint64_t hash, EntryAt present, std::string_view key,
                                           std::string_view value, const PutOptions& options, TimeMs now,
                                           Draft* draft) {
  if (lacks_deadline(options.ttl, traits_)) return no_deadline(traits_);
  EntryAt old_entry = noticed(present, now);
  const Standing standing = standing_of(old_entry, now);
  const bool must_know = options.keep_ttl || options.condition.kind != Condition::Kind::kAlways;
  if (standing == Standing::kCold && must_know) return Cold{};
  const bool is_live = standing == Standing::kLive;
  const EntryAt live = is_live ? old_entry : EntryAt{};
  if (!holds(options.condition, live)) return NotHeld{};

  Fields fields = fields_of(key, value, options, live, now);
  fields.draft = draft;
  if (is_live && is_durable() && is_same(live, fields) && catalog_.versions_left() > 0)
    return put_same(hash, live, now);
  const std::uint64_t value_bytes = value.size() + (draft == nullptr ? 0 : draft->bytes());
  const Plan plan = catalog_.writer_.plan(fields, value_bytes);
  const std::uint64_t charge_bytes = charge_for(key.size(), value_bytes);
  const bool is_in_place = is_live && fits_in_place(live, plan);
  if (auto refusal = refusal_for(charge_bytes, old_entry, is_in_place)) return *std::move(refusal);
  if (is_in_place) {
    if (charge_bytes > charge_of(*live)) make_own_room(charge_bytes, old_entry.ref, now);
    return overwrite(hash, live, fields, charge_bytes, now);
  }
  if (auto refusal = make_room(plan, fields, charge_bytes, old_entry.ref, now)) return *std::move(refusal);
  return store(hash, entry_at(arena_, old_entry.ref), is_live, plan, fields, now);
}

bool Cache::is_same(EntryAt live, const Fields& fields) const {
  if (live->deadline() != fields.deadline || live->stale_ms() != fields.stale_ms) return false;
  const BytesView present = value_of(arena_, live);
  return fields.draft == nullptr ? present == fields.value : fields.draft->completes(fields.value, present);
}

Written Cache::put_same(std::uint64_t hash, EntryAt entry, TimeMs now) {
  const Transaction transaction(arena_);
  index_.disturb(hash);
  const Version version = *catalog_.take_version();
  set_version(arena_, entry, version);
  if (entry->list() == Entry::List::kRecency) {
    policy_->removed(entry);
    set_place(arena_, entry, stamp());
    push(Entry::List::kAhead, entry);
  } else if (!entry->is_unwritten() && !entry->is_ahead()) {
    mark_dirty(entry, now);
  } else {
    use(entry);
  }
  bump(record_.stats.puts);
  tell(entry, Change::kWritten);
  return {version};
}

bool Cache::fits_in_place(EntryAt live, const Plan& plan) const {
  return catalog_.writer_.fits_in_place(live, plan) && plan.head_body <= Arena::kOverwriteMax;
}

Written Cache::overwrite(std::uint64_t hash, EntryAt live, const Fields& fields, std::uint64_t charge_bytes,
                         TimeMs now) {
  const Transaction transaction(arena_);
  index_.disturb(hash);
  const Version version = *catalog_.take_version();
  const bool moves_in_wheel = live->deadline() != fields.deadline;
  if (moves_in_wheel) deadlines_.remove(live);
  if (is_durable()) uncount(live);
  if (live->value_bytes != fields.value.size()) {
    add_used(charge_bytes, charge_of(*live));
    arena_.set(live->value_bytes, static_cast<std::uint32_t>(fields.value.size()));
  }
  arena_.overwrite(live->body() + fields.key.size(), fields.value.data(), fields.value.size());
  set_version(arena_, live, version);
  if (moves_in_wheel) set_deadline(arena_, live, fields.deadline);
  if (live->has(Entry::kHasStale) && live->stale_ms() != fields.stale_ms)
    arena_.set(live->stale_word(), fields.stale_ms);
  if (moves_in_wheel) schedule(live, now);
  if (is_durable()) {
    count(live);
    mark_dirty(live, now);
  } else {
    use(live);
  }
  bump(record_.stats.puts);
  tell(fields.key, Change::kWritten);
  return {version};
}

Written Cache::store(std::uint64_t hash, EntryAt old_entry, bool keeps_place, const Plan& plan, Fields fields,
                     TimeMs now) {
  const Version version = *catalog_.take_version();
  {
    const Transaction transaction(arena_);
    fields.version = version;
    if (!old_entry) fields.on_disk = may_be_cold() ? OnDisk::kUnknown : OnDisk::kNo;
    const EntryAt fresh = catalog_.writer_.write_head(plan, fields);
    if (old_entry) {
      count_covered(old_entry);
      supersede(hash, old_entry, fresh, keeps_place);
    } else {
      add(hash, fresh);
    }
    if (is_durable()) {
      mark_dirty(fresh, now);
    } else if (fresh->list() == Entry::List::kNone) {
      policy_->inserted(fresh, stamp());
    }
    schedule(fresh, now);
    bump(record_.stats.puts);
    tell(fields.key, Change::kWritten);
  }
  index_.maintain();
  return {version};
}

std::optional<std::variant<TooBig, DirtyFull, NotSupported>> Cache::refusal_of(
    const EntrySizes& sizes, const PutOptions& options) const {
  if (lacks_deadline(options.ttl, traits_)) return no_deadline(traits_);
  if (auto refusal = too_big(sizes.largest_charge_bytes, 0)) return *refusal;
  if (auto full = dirty_full(sizes.charge_bytes, {}, sizes.entries <= 1)) return *full;
  return std::nullopt;
}

EraseOutcome Cache::erase(const HashedKey& hashed, std::optional<Version> if_version, TimeMs now) {
  const std::string_view key = hashed.key;
  const EntryAt entry = noticed(index_.find(hashed.hash, key), now);
  const Standing standing = standing_of(entry, now);
  if (standing == Standing::kCold) return Cold{};
  const bool is_live = standing == Standing::kLive;
  if (if_version && (!is_live || entry->version() != *if_version)) return Erased{false};
  // Nothing is left to erase, unless a clear under way has yet to reach the key on disk.
  if (!entry || entry->kind() == Entry::Kind::kTombstone) return Erased{false};
  if (!entry->has_value() && !may_be_on_disk(*entry)) return Erased{false};
  if (may_be_on_disk(*entry)) {
    if (auto full = dirty_full(charge_for(key.size(), 0), entry)) return *full;
  }
  const Transaction transaction(arena_);
  if (is_live) {
    bump(record_.stats.deletes);
    tell(entry, Change::kErased);
  } else {
    count_covered(entry);
  }
  let_go(entry, now);
  return Erased{is_live};
}

TouchOutcome Cache::touch(std::string_view key, Ttl ttl, TimeMs now) {
  if (lacks_deadline(ttl, traits_)) return no_deadline(traits_);
  EntryAt entry = noticed(entry_of(key), now);
  const Standing standing = standing_of(entry, now);
  if (standing == Standing::kCold) return Cold{};
  if (standing != Standing::kLive) return Touched{false};
  const TimeMs deadline = deadline_of(ttl, entry->deadline(), now);
  if (deadline == entry->deadline()) {
    use(entry);
    return Touched{true};
  }
  if (auto full = dirty_full(charge_of(*entry), entry)) return *full;
  if (!entry->has(Entry::kHasDue)) {
    // Its slot has no place for a deadline.
    const std::string value = value_of(arena_, entry).str();
    Fields fields{.key = key,
                  .value = value,
                  .ordinal = record_.ordinal,
                  .version = entry->version(),
                  .deadline = deadline,
                  .stale_ms = entry->stale_ms(),
                  .is_durable = is_durable()};
    const Plan plan = catalog_.writer_.plan(fields);
    if (catalog_.make_room(*this, plan.slot_bytes, entry.ref, now) != Room::kMade ||
        !catalog_.write_pieces(*this, plan, fields, entry.ref, now)) {
      return DirtyFull{catalog_.write_back_.totals().bytes, catalog_.options_.dirty_bytes_max};
    }
    // Its new slot and its place in the wheel are one change.
    const Transaction transaction(arena_);
    reshape(entry_at(arena_, entry.ref), plan, fields);
    return move_deadline(entry_of(key), deadline, now);
  }
  return move_deadline(entry, deadline, now);
}

Touched Cache::move_deadline(EntryAt entry, TimeMs deadline, TimeMs now) {
  const Transaction transaction(arena_);
  index_.disturb(index_.hash_of_entry(entry));
  deadlines_.remove(entry);
  set_deadline(arena_, entry, deadline);
  schedule(entry, now);
  if (is_durable()) mark_dirty(entry, now);
  use(entry);
  return {true};
}

void Cache::reshape(EntryAt entry, const Plan& plan, const Fields& fields) {
  const Transaction transaction(arena_);
  const EntryAt fresh = catalog_.writer_.write_head(plan, fields);
  uncount(entry);
  constexpr std::uint64_t kKept = Entry::kInFlight | Entry::kHeld | Entry::kExpired | Entry::kOnDiskMask;
  set_state(arena_, fresh, kKept, entry->version_and_state & kKept);
  set_place(arena_, fresh, entry->place());
  if (fresh->has(Entry::kHasSince)) arena_.set(fresh->since_word(), entry->since_word());
  list(entry->list()).replace(entry, fresh);
  index_.replace(hash_of_key(fields.key), entry.ref, fresh.ref);
  catalog_.writer_.free(entry);
  count(fresh);
}

}  // namespace pannier::storage
