#include "client/shared_view.h"

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <span>
#include <type_traits>
#include <utility>

#include "client/pool.h"
#include "client/process.h"
#include "client/round_trip.h"
#include "pannier/detail/request.h"
#include "pannier/error.h"
#include "storage/use_ring.h"

namespace pannier::detail {

using storage::SharedReader;
using storage::UseRing;

namespace {

constexpr std::chrono::milliseconds kPauseMin{50};
constexpr std::chrono::milliseconds kPauseMax{5'000};
/// After the daemon said that it does not do this at all.
constexpr std::chrono::milliseconds kPauseRefused{60'000};

std::int64_t now_ns() { return Clock::now().time_since_epoch() / std::chrono::nanoseconds(1); }

/// Numbers of attachments, never the same twice in this process; 0 is none.
std::atomic<std::uint64_t> last_number = 0;

/// A mapping of a whole ring.
class MappedRing {
 public:
  explicit MappedRing(int fd) {
    // That of a daemon of another release may be shorter.
    struct stat status {};
    if (fstat(fd, &status) == 0 && static_cast<std::uint64_t>(status.st_size) >= sizeof(UseRing))
      place_ = mmap(nullptr, sizeof(UseRing), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  }
  ~MappedRing() {
    if (is_mapped()) munmap(place_, sizeof(UseRing));
  }
  MappedRing(const MappedRing&) = delete;
  MappedRing& operator=(const MappedRing&) = delete;

  bool is_mapped() const { return place_ != MAP_FAILED; }
  UseRing& operator*() const { return *static_cast<UseRing*>(place_); }

 private:
  void* place_ = MAP_FAILED;
};

}  // namespace

struct SharedView::Attachment {
  Attachment(std::unique_ptr<Connection> channel, std::unique_ptr<SharedReader> arena, int ring_fd)
      : number(++last_number), connection(std::move(channel)), reader(std::move(arena)), ring(ring_fd) {}

  const std::uint64_t number;
  std::unique_ptr<Connection> connection;  ///< its end is the attachment's end, for the daemon
  const std::unique_ptr<SharedReader> reader;
  const MappedRing ring;
};

/// Where a thread counts the hits of a cache.
struct SharedView::Tally {
  std::uint64_t attachment = 0;
  pid_t process = 0;  ///< in a child, it is the parent's
  std::uint32_t ordinal = 0;
  UseRing::Counter* counter = nullptr;

  bool is_of(std::uint64_t number, std::uint32_t cache) const {
    return counter != nullptr && attachment == number && ordinal == cache && process == process_id();
  }
};

/// What a thread remembers of the uses of a cache's entries: which need not be told.
struct SharedView::Telling {
  /// Between two looks at how the uses of all entries go on.
  static constexpr std::uint32_t kReadsALook = 32;

  Tally tally;
  std::uint32_t reads = 0;
  std::uint32_t until_sample = 1;
  std::uint32_t random = 1;
  std::uint64_t told_before = 0;        ///< an entry that was used after it needs no telling
  std::array<storage::Ref, 64> told{};  ///< since the last look

  /// UseRing::kReadsASample on average, by chance, so that reads that come in a cycle are all sampled.
  std::uint32_t reads_to_sample() {
    random = random * 1'664'525 + 1'013'904'223;  // W. H. Press et al., "Numerical Recipes", 7.1
    return static_cast<std::uint32_t>(1 + (random >> 16) % (2 * storage::UseRing::kReadsASample - 1));
  }
};

/// What a thread remembers of a cache that it reads: where it is, besides. It has no destructor: what is
/// destroyed at the end of the program may still read.
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

SharedView::Telling& SharedView::telling_of(const Sighting& sighting) {
  struct Desk {
    std::uint64_t attachment = 0;
    std::uint32_t ordinal = 0;
    Telling telling;
  };
  static thread_local std::array<Desk, 8> desks;
  Desk& desk = desks[sighting.ordinal_ % desks.size()];
  // The tally stays, whoever comes: a new one each time would use up the counters.
  if (desk.attachment != sighting.attachment_ || desk.ordinal != sighting.ordinal_)
    desk = {sighting.attachment_, sighting.ordinal_, {.tally = desk.telling.tally}};
  return desk.telling;
}

// -- attaching

SharedView::Attachment* SharedView::attachment() {
  Attachment* const current = current_.load(std::memory_order_acquire);
  if (current == nullptr) return attach_if_due();
  if (current->reader->is_served()) return current;
  let_go(*current);
  return attach_if_due();
}

SharedView::Attachment* SharedView::attach_if_due() {
  if (wish_ == SharedReads::kNever) return nullptr;
  if (wish_ == SharedReads::kWhenItPays && gets_.fetch_add(1, std::memory_order_relaxed) < kGetsBefore)
    return nullptr;
  if (now_ns() < next_attempt_ns_.load(std::memory_order_relaxed)) return nullptr;
  const std::unique_lock lock(mutex_, std::try_to_lock);
  // Another thread is at it.
  if (!lock.owns_lock() || current_.load() != nullptr) return current_.load();
  std::chrono::milliseconds pause = pause_;
  try {
    if (auto made = attach()) {
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

std::unique_ptr<SharedView::Attachment> SharedView::attach() {
  static constexpr std::string_view kNoParams = "\x90";
  // In the time of a request, which waits for it.
  const ClientOptions& options = pool_.options();
  const Deadline deadline = deadline_after(std::min(options.connect_timeout, options.request_timeout));
  auto connection = pool_.connect(deadline);
  const Request request = raw_request(pool_.next_id(), "attach", kNoParams);
  if (!connection->send_now(request.frame)) return nullptr;
  std::vector<int> descriptors = connection->peek_descriptors(deadline);
  const auto close_from = [&](std::size_t first) {
    for (std::size_t i = first; i < descriptors.size(); ++i) close(descriptors[i]);
  };
  try {
    await_answer(*connection, request, deadline);
  } catch (...) {
    close_from(0);
    throw;
  }
  if (descriptors.size() != 2) {
    close_from(0);
    return nullptr;
  }
  auto mapped = SharedReader::map(descriptors[0]);
  auto* reader = std::get_if<std::unique_ptr<SharedReader>>(&mapped);
  std::unique_ptr<Attachment> made;
  if (reader != nullptr)
    made = std::make_unique<Attachment>(std::move(connection), std::move(*reader), descriptors[1]);
  close_from(1);
  return made && made->ring.is_mapped() ? std::move(made) : nullptr;
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

void SharedView::count_anew(Attachment& attachment, Telling& telling, std::uint32_t ordinal) {
  Tally& tally = telling.tally;
  // What was used when, another daemon counts otherwise: a look is due.
  if (tally.attachment != attachment.number) telling.reads = 0;
  // One for each of its caches that share a tally would use them up.
  if (tally.attachment != attachment.number || tally.process != process_id())
    tally = {attachment.number, process_id(), ordinal, (*attachment.ring).take_counter(ordinal)};
  if (tally.is_of(attachment.number, ordinal)) {
    tally.counter->note_hit();
  } else {
    (*attachment.ring).note_hit(ordinal);
  }
}

inline void SharedView::note(Attachment& attachment, Telling& telling, const SharedReader::CacheAt& cache,
                             const SharedReader::Seen& seen, bool is_fresh) {
  UseRing& ring = *attachment.ring;
  if (telling.tally.is_of(attachment.number, cache.ordinal)) {
    telling.tally.counter->note_hit();
  } else {
    count_anew(attachment, telling, cache.ordinal);
  }
  if (--telling.until_sample == 0) {
    ring.note_use({seen.ref, seen.version, true});
    telling.until_sample = telling.reads_to_sample();
  }
  if (telling.reads++ % Telling::kReadsALook == 0) {
    // What was used among the latest eighth of all uses would not go for a while.
    const SharedReader& reader = *attachment.reader;
    const std::uint64_t uses = reader.uses();
    telling.told_before = uses - std::min(uses, reader.entries(cache) / 8);
    telling.told.fill(storage::kNoRef);
  }
  if (seen.place >= telling.told_before) return;
  storage::Ref& told = telling.told[seen.ref % telling.told.size()];
  if (std::exchange(told, seen.ref) == seen.ref) return;
  // What was seen long ago may have been told since.
  if (is_fresh || attachment.reader->place(seen.ref) < telling.told_before)
    ring.note_use({seen.ref, seen.version});
}

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
    note(*found.attached, found.spot->telling, found.spot->at, seen, true);
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
    note(*found.attached, found.spot->telling, found.spot->at, seen, true);
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
  note(*found.attached, found.spot->telling, at, seen, true);
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
  note(*attached, telling_of(sighting), cache, seen, false);
  return true;
}

}  // namespace pannier::detail
