#include "tests/model/memory_model.h"

#include <stdexcept>

#include "storage/check.h"

namespace pannier::storage {
namespace {

/// What a cache may need beside its entries.
constexpr std::uint64_t kCacheBytesMax = 65'536;

}  // namespace

[[noreturn]] void MemoryModel::disagree(const std::string& what) {
  throw std::runtime_error("the catalog broke a rule: " + what);
}

// -- caches

void MemoryModel::open(const std::string& name, const Settings& settings, TimeMs now) {
  for (const auto& present : boxes_) {
    if (present->name == name) {
      present->settings = settings;
      return;
    }
  }
  boxes_.push_back(std::make_unique<Box>());
  boxes_.back()->name = name;
  boxes_.back()->settings = settings;
  // The cache itself may need some.
  make_memory({boxes_.back().get(), nullptr}, kCacheBytesMax, now);
}

void MemoryModel::drop(const std::string& name) {
  std::erase_if(boxes_, [&](const auto& present) { return present->name == name; });
}

MemoryModel::Box& MemoryModel::box(const std::string& name) {
  for (const auto& present : boxes_) {
    if (present->name == name) return *present;
  }
  throw std::logic_error("no such cache in the model: " + name);
}

// -- entries

TimeMs MemoryModel::due_of(const Item& item) {
  return item.is_expired ? later(item.deadline, item.stale_ms) : item.deadline;
}

bool MemoryModel::is_gone(const Box& present, const std::string& key) {
  return !Check::residence_of(*real_.find(present.name), key).is_resident;
}

MemoryModel::Clear* MemoryModel::clear_of(Box& present, const std::string& key, const Item& item) {
  for (Clear& clear : present.clears) {
    if (item.version <= clear.version && key.starts_with(clear.prefix)) return &clear;
  }
  return nullptr;
}

bool MemoryModel::is_live(Box& present, Position at, TimeMs now) {
  return at != present.items.end() && now < at->second.deadline &&
         clear_of(present, at->first, at->second) == nullptr;
}

bool MemoryModel::is_stale(Box& present, Position at, TimeMs now) {
  return at != present.items.end() && now >= at->second.deadline &&
         now < later(at->second.deadline, at->second.stale_ms) &&
         clear_of(present, at->first, at->second) == nullptr;
}

MemoryModel::Item* MemoryModel::live_of(Box& present, const std::string& key, TimeMs now) {
  const Position at = present.items.find(key);
  return is_live(present, at, now) ? &at->second : nullptr;
}

void MemoryModel::tell(Box& present, const std::string& key, Change change) {
  told_.push_back({present.name, key, change});
}

const Told* MemoryModel::next_told() const {
  return told_.size() < recorder_.told().size() ? &recorder_.told()[told_.size()] : nullptr;
}

void MemoryModel::insert(Box& present, const std::string& key, Item item,
                         std::optional<std::uint64_t> place) {
  item.place = place.value_or(++stamp_);
  present.recency[item.place] = key;
  if (item.deadline != kNever) present.dues.insert({item.deadline, key});
  present.bytes += item.charge;
  present.items[key] = std::move(item);
}

void MemoryModel::remove(Box& present, Position at) {
  const Item& item = at->second;
  (item.is_expired ? present.stale : present.recency).erase(item.place);
  present.dues.erase({due_of(item), at->first});
  present.bytes -= item.charge;
  present.items.erase(at);
}

bool MemoryModel::count_covered(Box& present, Position at) {
  Clear* clear = clear_of(present, at->first, at->second);
  if (clear == nullptr) return false;
  if (at->second.deadline > clear->began) ++clear->erased;
  return true;
}

// -- reading

Lookup MemoryModel::lookup(Box& present, const std::string& key, TimeMs now) {
  const Position at = present.items.find(key);
  if (is_live(present, at, now)) return Hit{{at->second.value, at->second.version, at->second.deadline}};
  if (is_stale(present, at, now)) return Stale{{at->second.value, at->second.version, at->second.deadline}};
  return Miss{};
}

Lookup MemoryModel::find(const std::string& name, const std::string& key, TimeMs now) {
  return lookup(box(name), key, now);
}

Lookup MemoryModel::get(const std::string& name, const std::string& key, TimeMs now) {
  Box& present = box(name);
  Item* item = live_of(present, key, now);
  ++(item == nullptr ? present.stats.misses : present.stats.hits);
  if (item != nullptr && present.settings.policy == PolicyKind::kLru) {
    present.recency.erase(item->place);
    item->place = ++stamp_;
    present.recency[item->place] = key;
  }
  return lookup(present, key, now);
}

Lookup MemoryModel::get_or_stale(const std::string& name, const std::string& key, TimeMs now) {
  Box& present = box(name);
  if (live_of(present, key, now) != nullptr) return get(name, key, now);
  if (is_stale(present, present.items.find(key), now)) ++present.stats.hits;
  return lookup(present, key, now);
}

std::vector<std::string> MemoryModel::keys(const std::string& name) {
  std::vector<std::string> keys;
  for (const auto& [key, item] : box(name).items) keys.push_back(key);
  return keys;
}

std::set<std::string> MemoryModel::walk(const std::string& name, const std::string& prefix, TimeMs now) {
  Box& present = box(name);
  std::set<std::string> keys;
  for (auto at = present.items.begin(); at != present.items.end(); ++at) {
    if (at->first.starts_with(prefix) && is_live(present, at, now)) keys.insert(at->first);
  }
  return keys;
}

// -- expiry

void MemoryModel::expire(Box& present, Position at, TimeMs now) {
  Item& item = at->second;
  if (item.is_expired || count_covered(present, at)) return remove(present, at);
  ++present.stats.expirations;
  tell(present, at->first, Change::kExpired);
  if (now >= later(item.deadline, item.stale_ms)) return remove(present, at);
  present.recency.erase(item.place);
  present.dues.erase({item.deadline, at->first});
  item.is_expired = true;
  item.place = ++stamp_;
  present.stale[item.place] = at->first;
  if (due_of(item) != kNever) present.dues.insert({due_of(item), at->first});
}

void MemoryModel::notice(Box& present, const std::string& key, TimeMs now) {
  const Position at = present.items.find(key);
  if (at != present.items.end() && now >= due_of(at->second)) expire(present, at, now);
}

bool MemoryModel::has_due(const Box& present, TimeMs now) {
  return !present.dues.empty() && present.dues.begin()->first <= now;
}

bool MemoryModel::take_due(Box& present, TimeMs now) {
  if (!has_due(present, now)) return false;
  const TimeMs first = present.dues.begin()->first;
  std::vector<std::string> tied;
  for (const auto& [due, key] : present.dues) {
    if (due != first) break;
    tied.push_back(key);
  }
  bool took = false;
  for (bool again = true; again;) {
    again = false;
    for (const std::string& key : tied) {
      const Position at = present.items.find(key);
      if (at == present.items.end() || due_of(at->second) != first) continue;
      const bool is_silent = at->second.is_expired || clear_of(present, key, at->second) != nullptr;
      const Told* next = next_told();
      const bool is_told = next != nullptr && *next == Told{present.name, key, Change::kExpired};
      if (is_silent ? !is_gone(present, key) : !is_told) continue;
      expire(present, at, now);
      took = again = true;
    }
  }
  return took;
}

bool MemoryModel::expire_some(Box& present, TimeMs now) {
  if (!has_due(present, now)) return false;
  if (!take_due(present, now))
    disagree("something is due and was not taken back first, such as " + present.dues.begin()->second);
  return true;
}

// -- writing

PutOutcome MemoryModel::put(const std::string& name, const std::string& key, const std::string& value,
                            const PutOptions& options, TimeMs now, const PutOutcome& answered) {
  Box& present = box(name);
  if (options.ttl.kind == Ttl::Kind::kNone && present.settings.tier == Tier::kTtl) return NotSupported{};
  notice(present, key, now);
  Item* live = live_of(present, key, now);
  const Condition& condition = options.condition;
  if (condition.kind == Condition::Kind::kAbsent && live != nullptr) return NotHeld{};
  if (condition.kind == Condition::Kind::kPresent && live == nullptr) return NotHeld{};
  if (condition.kind == Condition::Kind::kVersion &&
      (live == nullptr || live->version != condition.version)) {
    return NotHeld{};
  }
  Item item;
  item.value = value;
  item.stale_ms = options.stale_ms.value_or(present.settings.stale_ms);
  if (present.settings.age_ms_max) item.deadline = later(now, *present.settings.age_ms_max);
  if (options.ttl.kind == Ttl::Kind::kNone) item.deadline = kNever;
  if (options.ttl.kind == Ttl::Kind::kGiven) item.deadline = later(now, options.ttl.ms);
  if (options.keep_ttl && live != nullptr) {
    item.deadline = live->deadline;
    item.stale_ms = live->stale_ms;
  }
  item.charge = real_.options().charge(key.size(), value.size());
  const Position old_at = present.items.find(key);
  const std::string* old_key = old_at == present.items.end() ? nullptr : &old_at->first;
  if (auto refusal = make_room(present, old_key, item.charge, now, answered)) return *refusal;

  item.version = version_next_++;
  std::optional<std::uint64_t> place;
  if (live != nullptr && present.settings.policy == PolicyKind::kFifo) place = live->place;
  if (old_key != nullptr) {
    count_covered(present, old_at);
    remove(present, old_at);
  }
  insert(present, key, item, place);
  ++present.stats.puts;
  tell(present, key, Change::kWritten);
  return Written{item.version};
}

EraseOutcome MemoryModel::erase(const std::string& name, const std::string& key,
                                std::optional<Version> if_version, TimeMs now) {
  Box& present = box(name);
  notice(present, key, now);
  Item* live = live_of(present, key, now);
  if (if_version && (live == nullptr || live->version != *if_version)) return Erased{false};
  const Position at = present.items.find(key);
  if (at == present.items.end()) return Erased{false};
  if (live != nullptr) {
    ++present.stats.deletes;
    tell(present, key, Change::kErased);
  } else {
    count_covered(present, at);
  }
  remove(present, at);
  return Erased{live != nullptr};
}

TouchOutcome MemoryModel::touch(const std::string& name, const std::string& key, Ttl ttl, TimeMs now) {
  Box& present = box(name);
  if (ttl.kind == Ttl::Kind::kNone && present.settings.tier == Tier::kTtl) return NotSupported{};
  notice(present, key, now);
  Item* live = live_of(present, key, now);
  if (live == nullptr) return Touched{false};
  const Position at = present.items.find(key);
  Item item = at->second;
  if (ttl.kind == Ttl::Kind::kNone) item.deadline = kNever;
  if (ttl.kind == Ttl::Kind::kGiven) item.deadline = later(now, ttl.ms);
  if (ttl.kind == Ttl::Kind::kCacheDefault && present.settings.age_ms_max) {
    item.deadline = later(now, *present.settings.age_ms_max);
  }
  // What gets its first deadline may need more memory.
  const bool is_first = at->second.deadline == kNever && item.deadline != kNever;
  if (is_first) make_memory({&present, &at->first}, item.charge, now);
  std::optional<std::uint64_t> place;
  if (present.settings.policy == PolicyKind::kFifo) place = item.place;
  remove(present, at);
  insert(present, key, item, place);
  return Touched{true};
}

// -- clears and steps

void MemoryModel::clear_begin(const std::string& name, const std::string& prefix, TimeMs now) {
  box(name).clears.push_back({prefix, version_next_ - 1, now, 0});
}

void MemoryModel::clear_step(const std::string& name) {
  Box& present = box(name);
  for (auto at = present.items.begin(); at != present.items.end();) {
    const auto next = std::next(at);
    if (clear_of(present, at->first, at->second) != nullptr && is_gone(present, at->first)) {
      count_covered(present, at);
      remove(present, at);
    }
    at = next;
  }
}

std::uint64_t MemoryModel::clear_end(const std::string& name, std::size_t clear) {
  Box& present = box(name);
  const std::uint64_t erased = present.clears[clear].erased;
  const Clear ended = present.clears[clear];
  for (const auto& [key, item] : present.items) {
    if (item.version <= ended.version && key.starts_with(ended.prefix)) disagree(key + " outlived a clear");
  }
  present.clears.erase(present.clears.begin() + static_cast<std::ptrdiff_t>(clear));
  present.stats.cleared += erased;
  return erased;
}

void MemoryModel::take_silently_gone(Box& present, TimeMs now) {
  const auto due = present.dues;
  for (const auto& [time, key] : due) {
    if (time > now) break;
    const Position at = present.items.find(key);
    const bool is_silent = at->second.is_expired || clear_of(present, key, at->second) != nullptr;
    if (is_silent && is_gone(present, key)) expire(present, at, now);
  }
  while (!present.stale.empty() && is_gone(present, present.stale.begin()->second))
    drop_stale(present, nullptr);
  while (!present.recency.empty()) {
    const Position at = present.items.find(present.recency.begin()->second);
    if (clear_of(present, at->first, at->second) == nullptr || !is_gone(present, at->first)) break;
    evict(present, nullptr);
  }
}

void MemoryModel::step(TimeMs now, bool has_more) {
  while (const Told* next = next_told()) {
    Box& present = box(next->cache);
    const Position at = present.items.find(next->key);
    if (at == present.items.end()) disagree("told of an absent key " + next->key);
    if (next->change == Change::kExpired) {
      if (at->second.is_expired || at->second.deadline > now) disagree("expired too early: " + next->key);
      expire(present, at, now);
      continue;
    }
    take_silently_gone(present, now);
    const Settings& settings = present.settings;
    const bool is_over = present.items.size() > settings.entries_max.value_or(UINT64_MAX) ||
                         present.bytes > settings.bytes_max.value_or(UINT64_MAX);
    if (!is_over || !present.stale.empty()) disagree("evicted in a step without need: " + next->key);
    if (has_due(present, now)) disagree("evicted before what has expired");
    evict(present, nullptr);
  }
  for (const auto& present : boxes_) {
    take_silently_gone(*present, now);
    if (has_more) continue;
    if (has_due(*present, now)) disagree("a step left something that is due");
  }
}

// -- sums

std::string MemoryModel::summary(const std::string& name) {
  const Box& present = box(name);
  return "entries " + std::to_string(present.items.size()) + " bytes " + std::to_string(present.bytes) +
         " stats " + text_of(present.stats);
}

std::string MemoryModel::summary(const Cache& cache) {
  return "entries " + std::to_string(cache.entries()) + " bytes " + std::to_string(cache.used_bytes()) +
         " stats " + text_of(cache.stats());
}

std::optional<std::string> MemoryModel::memory_fault() const {
  const std::uint64_t used = real_.memory_used();
  if (used <= real_.options().memory_bytes_max) return std::nullopt;
  return "memory used is " + std::to_string(used) + " of " + std::to_string(real_.options().memory_bytes_max);
}

}  // namespace pannier::storage
