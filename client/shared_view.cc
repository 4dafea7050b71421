#include "client/shared_view.h"

#include <algorithm>
#include <array>
#include <span>
#include <type_traits>
#include <utility>

#include "client/pool.h"
#include "client/telling.h"
#include "pannier/error.h"

namespace pannier::detail {

using storage::SharedReader;

namespace {

constexpr std::chrono::milliseconds kPauseMin{50};
constexpr std::chrono::milliseconds kPauseMax{5'000};
/// After the daemon said that it does not do this at all.
constexpr std::chrono::milliseconds kPauseRefused{60'000};

std::int64_t now_ns() { return Clock::now().time_since_epoch() / std::chrono::nanoseconds(1); }

}  // namespace

/// What a thread remembers of a cache that it reads. It has no destructor, as Telling has none.
struct SharedView::Spot {
  std::uint64_t attachment = 0;
  std::size_t name_bytes = 0;
  std::array<char, storage::CacheRecord::kNameBytesMax> name{};
  SharedReader::CacheAt at;
  Telling telling;

  bool is_of(std::uint64_t number, std::string_view cache) const {
    return attachment == number && std::string_view(name.data(), name_bytes) == cache;
  }
  /// Precondition: there is such a cache.
  void be_of(std::uint64_t number, std::string_view cache) {
    attachment = number;
    name_bytes = cache.copy(name.data(), name.size());
  }
};

SharedView::SharedView(Pool& pool, SharedReads wish) : pool_(pool), wish_(wish), pause_(kPauseMin) {}

SharedView::~SharedView() = default;

inline SharedView::Spot& SharedView::spot_of(std::string_view cache) {
  static_assert(std::is_trivially_destructible_v<Spot>);
  static thread_local std::array<Spot, 8> spots;
  const std::size_t mixed =
      cache.empty() ? 0 : cache.size() + static_cast<unsigned char>(cache.back()) * std::size_t{3};
  return spots[mixed % spots.size()];
}

Telling& SharedView::telling_of(const Sighting& sighting) {
  struct Desk {
    std::uint64_t attachment = 0;
    std::uint32_t ordinal = 0;
    Telling telling;
  };
  static thread_local std::array<Desk, 8> desks;
  Desk& desk = desks[sighting.ordinal_ % desks.size()];
  if (desk.attachment != sighting.attachment_ || desk.ordinal != sighting.ordinal_)
    desk = {sighting.attachment_, sighting.ordinal_, Telling(desk.telling.tally())};
  return desk.telling;
}

// -- attaching

Attachment* SharedView::attachment() {
  Attachment* const current = current_.load(std::memory_order_acquire);
  if (current == nullptr) return attach_if_due();
  if (current->reader->is_served()) return current;
  let_go(*current);
  return attach_if_due();
}

Attachment* SharedView::attach_if_due() {
  if (wish_ == SharedReads::kNever) return nullptr;
  if (wish_ == SharedReads::kWhenItPays && gets_.fetch_add(1, std::memory_order_relaxed) < kGetsBefore)
    return nullptr;
  if (now_ns() < next_attempt_ns_.load(std::memory_order_relaxed)) return nullptr;
  const std::unique_lock lock(mutex_, std::try_to_lock);
  // Another thread is at it.
  if (!lock.owns_lock() || current_.load() != nullptr) return current_.load();
  std::chrono::milliseconds pause = pause_;
  try {
    if (auto made = attach(pool_)) {
      attachments_.push_back(std::move(made));
      current_.store(attachments_.back().get(), std::memory_order_release);
      pause_ = kPauseMin;
      return attachments_.back().get();
    }
  } catch (const ServerError& error) {
    if (error.code() != ErrorCode::kOverloaded) pause = kPauseRefused;
  } catch (const Error&) {
    // The request that is under way finds out what is the matter, and tells it.
  }
  pause_ = std::min(pause_ * 2, kPauseMax);
  next_attempt_ns_ = now_ns() + std::chrono::nanoseconds(pause) / std::chrono::nanoseconds(1);
  return nullptr;
}

void SharedView::let_go(Attachment& attachment) {
  // Whoever holds it is at it already, or was left behind by a fork.
  const std::unique_lock lock(mutex_, std::try_to_lock);
  if (!lock.owns_lock() || current_.load() != &attachment) return;
  current_ = nullptr;
  // Others may be reading there at this moment.
  attachment.reader->let_go();
  attachment.connection.reset();
}

// -- reading

SharedView::Finding SharedView::find_at(Attachment& attachment, std::string_view cache, std::string_view key,
                                        const SharedReader::Room& room, SharedReader::Seen& seen) {
  Spot& spot = spot_of(cache);
  spot.attachment = 0;
  const SharedReader& reader = *attachment.reader;
  if (!reader.find_cache(cache, spot.at)) return {};
  spot.be_of(attachment.number, cache);
  if (reader.get(spot.at, key, room, seen) != Outcome::kHit) return {};
  return {&attachment, &spot};
}

SharedView::Finding SharedView::find_anew(bool may_attach, std::string_view cache, std::string_view key,
                                          const SharedReader::Room& room, SharedReader::Seen& seen) {
  // Caches have come or gone, or the daemon has.
  Attachment* attached = current_.load(std::memory_order_acquire);
  if (attached != nullptr && attached->reader->is_served()) return find_at(*attached, cache, key, room, seen);
  attached = may_attach ? attachment() : nullptr;
  return attached == nullptr ? Finding{} : find_at(*attached, cache, key, room, seen);
}

inline SharedView::Finding SharedView::find(bool may_attach, std::string_view cache, std::string_view key,
                                            const SharedReader::Room& room, SharedReader::Seen& seen) {
  Attachment* const attached = current_.load(std::memory_order_acquire);
  Spot& spot = spot_of(cache);
  if (attached == nullptr || !spot.is_of(attached->number, cache))
    return find_anew(may_attach, cache, key, room, seen);
  // Whether the daemon still serves there is for the read to see.
  switch (attached->reader->get(spot.at, key, room, seen)) {
    case Outcome::kHit:
      return {attached, &spot};
    case Outcome::kAbsent:
      return {};
    default:
      return find_anew(may_attach, cache, key, room, seen);
  }
}

void SharedView::fetch_ahead(std::string_view cache, std::string_view key, SharedReader::Ahead what) const {
  const Attachment* const attached = current_.load(std::memory_order_acquire);
  const Spot& spot = spot_of(cache);
  if (attached != nullptr && spot.is_of(attached->number, cache))
    attached->reader->fetch_ahead(spot.at, key, what);
}

std::optional<std::string> SharedView::value(std::string_view cache, std::string_view key) {
  std::optional<std::string> value(std::in_place);
  SharedReader::Seen seen;
  const Finding found = find(true, cache, key, {*value}, seen);
  if (found.attached != nullptr) {
    found.spot->telling.note(*found.attached, found.spot->at, seen, true);
  } else {
    value.reset();
  }
  return value;
}

std::vector<std::optional<std::string>> SharedView::values(std::string_view cache, const KeyList& keys,
                                                           const SharedReadOptions& options) {
  using Ahead = SharedReader::Ahead;
  // So many keys before they are read: memory answers in the time of two or three reads.
  constexpr std::size_t kHomesAhead = 8;
  constexpr std::size_t kEntriesAhead = 4;
  const std::span<const std::string_view> all(keys.begin(), keys.size());
  std::vector<std::optional<std::string>> values(keys.size());
  std::uint64_t bytes_left = options.bytes_max;
  SharedReader::Seen seen;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (i + kHomesAhead < keys.size()) fetch_ahead(cache, all[i + kHomesAhead], Ahead::kHome);
    if (i + kEntriesAhead < keys.size()) fetch_ahead(cache, all[i + kEntriesAhead], Ahead::kEntry);
    std::optional<std::string>& value = values[i];
    value.emplace();
    const Finding found = find(options.may_attach, cache, all[i], {*value, bytes_left}, seen);
    if (found.attached == nullptr) {
      value.reset();
      continue;
    }
    found.spot->telling.note(*found.attached, found.spot->at, seen, true);
    bytes_left -= value->size();
  }
  return values;
}

/// As one function, as SharedReader::get() is.
[[gnu::flatten]] std::optional<Entry<std::string>> SharedView::entry(std::string_view cache,
                                                                     std::string_view key, Sighting* sighting,
                                                                     const SharedReadOptions& options) {
  // The one object that is returned, from the beginning: it is filled where the caller has it.
  std::optional<Entry<std::string>> entry(std::in_place);
  SharedReader::Seen seen;
  const Finding found = find(options.may_attach, cache, key, {entry->value, options.bytes_max}, seen);
  if (found.attached == nullptr) {
    entry.reset();
    return entry;
  }
  const SharedReader::CacheAt& at = found.spot->at;
  found.spot->telling.note(*found.attached, at, seen, true);
  entry->version = seen.version;
  if (seen.deadline != storage::kNever) {
    const SharedReader& reader = *found.attached->reader;
    const storage::TimeMs now = reader.now();
    // Of memory that another thread has just let go, the clock is none.
    if (!reader.is_served()) {
      entry.reset();
      return entry;
    }
    entry->ttl = std::chrono::milliseconds(std::max<std::int64_t>(seen.deadline - now, 0));
  }
  if (sighting != nullptr) {
    sighting->attachment_ = found.attached->number;
    sighting->bucket_ = seen.bucket;
    sighting->version_ = seen.version;
    sighting->deadline_ = seen.deadline;
    sighting->place_ = seen.place;
    sighting->ref_ = seen.ref;
    sighting->catalog_flux_ = at.flux;
    sighting->bucket_flux_ = seen.flux;
    sighting->wide_flux_ = seen.wide_flux;
    sighting->ordinal_ = at.ordinal;
    sighting->record_ = at.record;
  }
  return entry;
}

bool SharedView::is_current(const Sighting& sighting) {
  Attachment* const attached = current_.load(std::memory_order_acquire);
  if (attached == nullptr || attached->number != sighting.attachment_) return false;
  const SharedReader::CacheAt cache{
      .record = sighting.record_, .flux = sighting.catalog_flux_, .ordinal = sighting.ordinal_};
  const SharedReader::Seen seen{.version = sighting.version_,
                                .deadline = sighting.deadline_,
                                .ref = sighting.ref_,
                                .place = sighting.place_,
                                .bucket = sighting.bucket_,
                                .flux = sighting.bucket_flux_,
                                .wide_flux = sighting.wide_flux_};
  if (!attached->reader->is_unchanged(cache, seen)) return false;
  telling_of(sighting).note(*attached, cache, seen, false);
  return true;
}

}  // namespace pannier::detail
