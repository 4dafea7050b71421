// What goes when there is no room.
#include <algorithm>

#include "tests/model/memory_model.h"

namespace pannier::storage {
namespace {

/// A cache whose charges are nearer than this below its reservation may count as above it, since what its
/// index takes may count too.
constexpr std::uint64_t kProtectionMargin = 65'536;
/// What one put may take for memory: so many times what would do were all entries alike, and some more, as it
/// is where the free slots are in pages of many classes, none of which can be emptied (83 were seen once).
constexpr double kTakenFactor = 4;
constexpr double kTakenMore = 128;

std::uint64_t limit_of(const std::optional<std::uint64_t>& bound, std::uint64_t present) {
  return std::max(bound.value_or(UINT64_MAX), present);
}

/// The place of the first but that of `except`.
std::optional<std::uint64_t> oldest_of(const std::map<std::uint64_t, std::string>& order,
                                       const std::string* except) {
  for (const auto& [place, key] : order) {
    if (except == nullptr || key != *except) return place;
  }
  return std::nullopt;
}

}  // namespace

bool MemoryModel::drop_stale(Box& present, const std::string* except) {
  const auto oldest = oldest_of(present.stale, except);
  if (!oldest) return false;
  remove(present, present.items.find(present.stale.at(*oldest)));
  return true;
}

bool MemoryModel::evict(Box& present, const std::string* except) {
  const auto oldest = oldest_of(present.recency, except);
  if (!oldest) return false;
  const Position at = present.items.find(present.recency.at(*oldest));
  if (!count_covered(present, at)) {
    ++present.stats.evictions;
    tell(present, at->first, Change::kEvicted);
  }
  remove(present, at);
  return true;
}

// -- a cache's own bounds: exact

std::optional<PutOutcome> MemoryModel::make_room(Box& present, const std::string* old_key,
                                                 std::uint64_t charge, TimeMs now,
                                                 const PutOutcome& answered) {
  const std::uint64_t old_charge = old_key == nullptr ? 0 : present.items.at(*old_key).charge;
  if (auto refusal = too_big(present, charge, old_charge, answered)) return *refusal;
  const Settings& settings = present.settings;
  const std::uint64_t entries_max = limit_of(settings.entries_max, present.items.size());
  const std::uint64_t bytes_max = limit_of(settings.bytes_max, present.bytes);
  while (present.items.size() + (old_key == nullptr ? 1 : 0) > entries_max ||
         present.bytes - old_charge + charge > bytes_max) {
    if (!expire_some(present, now) && !drop_stale(present, old_key) && !evict(present, old_key)) {
      disagree("a bound is exceeded and there is nothing to evict");
    }
  }
  make_memory({&present, old_key}, charge, now);
  return std::nullopt;
}

std::optional<TooBig> MemoryModel::too_big(const Box& present, std::uint64_t charge, std::uint64_t old_charge,
                                           const PutOutcome& answered) {
  const Settings& settings = present.settings;
  if (settings.bytes_max && charge > *settings.bytes_max) return TooBig{charge, *settings.bytes_max, true};
  const std::uint64_t left = real_.options().memory_bytes_max - reserved_by_others(present);
  const auto* big = std::get_if<TooBig>(&answered);
  if (big == nullptr) {
    if (charge > left) disagree("an entry was stored that is larger than the memory");
    return std::nullopt;
  }
  // The old entry stays until the new one is there, and so little memory has few pages for all the classes.
  if (big->limit_bytes + old_charge < left / 6 || big->limit_bytes > left || charge <= big->limit_bytes)
    disagree("too big: " + std::to_string(charge) + " of " + std::to_string(big->limit_bytes));
  ++pressure_.too_big;
  return TooBig{charge, big->limit_bytes, false};
}

std::uint64_t MemoryModel::reserved_by_others(const Box& present) const {
  std::uint64_t bytes = 0;
  for (const auto& other : boxes_) {
    if (other.get() != &present) bytes += other->settings.reserved_bytes;
  }
  return bytes;
}

// -- the memory: the order is exact, the amount bounded

void MemoryModel::make_memory(const Writer& writer, std::uint64_t charge, TimeMs now) {
  Taken taken;
  while (expire_for_memory(now) || drop_stale_for_memory(writer, now, taken) ||
         evict_for_memory(writer, now, taken)) {
  }
  check_amount(taken, charge);
}

void MemoryModel::check_none_due(TimeMs now, const std::string& went) const {
  for (const auto& other : boxes_) {
    if (has_due(*other, now))
      disagree(went + " went before what has expired: " + other->dues.begin()->second);
  }
}

void MemoryModel::check_amount(const Taken& taken, std::uint64_t charge) {
  if (taken.entries == 0) return;
  const auto entries = static_cast<double>(taken.entries);
  const double mean_bytes = static_cast<double>(taken.bytes) / entries;
  const double bound = kTakenFactor * static_cast<double>(charge) / mean_bytes + kTakenMore;
  pressure_.taken_max = std::max(pressure_.taken_max, taken.entries);
  pressure_.of_bound_max = std::max(pressure_.of_bound_max, entries / bound);
  if (entries <= bound) return;
  disagree(std::to_string(taken.entries) + " entries of " + std::to_string(taken.bytes) +
           " bytes went for one of " + std::to_string(charge));
}

bool MemoryModel::expire_for_memory(TimeMs now) {
  for (const auto& other : boxes_) {
    const std::size_t present = other->items.size();
    if (!take_due(*other, now)) continue;
    pressure_.expired += present - other->items.size();
    return true;
  }
  return false;
}

std::optional<std::pair<std::uint64_t, MemoryModel::Box*>> MemoryModel::oldest_stale(
    const Writer& writer) const {
  std::optional<std::pair<std::uint64_t, Box*>> found;
  for (const auto& other : boxes_) {
    const auto oldest = oldest_of(other->stale, writer.except_in(*other));
    if (oldest && (!found || *oldest < found->first)) found = {*oldest, other.get()};
  }
  return found;
}

bool MemoryModel::drop_stale_for_memory(const Writer& writer, TimeMs now, Taken& taken) {
  const auto oldest = oldest_stale(writer);
  if (!oldest) return false;
  const auto [place, holder] = *oldest;
  const std::string key = holder->stale.at(place);
  if (!is_gone(*holder, key)) return false;
  check_none_due(now, key);
  ++taken.entries;
  taken.bytes += holder->items.at(key).charge;
  ++pressure_.stale;
  return drop_stale(*holder, writer.except_in(*holder));
}

bool MemoryModel::evict_for_memory(const Writer& writer, TimeMs now, Taken& taken) {
  // By age, and none that is younger than one that surely is not protected.
  std::map<std::uint64_t, Box*> oldest;
  std::uint64_t unprotected = UINT64_MAX;
  std::uint64_t is_spared = UINT64_MAX;
  for (const auto& other : boxes_) {
    const auto place = oldest_of(other->recency, writer.except_in(*other));
    if (!place) continue;
    const std::uint64_t reserved = other->settings.reserved_bytes;
    const bool is_safe = other.get() != writer.box && other->bytes + kProtectionMargin <= reserved;
    const bool is_open = other.get() == writer.box || other->bytes > reserved;
    if (is_safe) is_spared = std::min(is_spared, *place);
    if (is_open) unprotected = std::min(unprotected, *place);
    if (!is_safe) oldest[*place] = other.get();
  }
  for (const auto& [place, holder] : oldest) {
    if (place > unprotected) break;
    const Position at = holder->items.find(holder->recency.at(place));
    const Told* next = next_told();
    const bool is_told = next != nullptr && *next == Told{holder->name, at->first, Change::kEvicted};
    const bool is_covered = clear_of(*holder, at->first, at->second) != nullptr;
    if (is_covered ? !is_gone(*holder, at->first) : !is_told) continue;
    check_none_due(now, at->first);
    if (oldest_stale(writer)) disagree(at->first + " was evicted before what is stale");
    ++taken.entries;
    taken.bytes += at->second.charge;
    ++pressure_.evicted;
    if (is_spared < place) ++pressure_.spared;
    return evict(*holder, writer.except_in(*holder));
  }
  return false;
}

}  // namespace pannier::storage
