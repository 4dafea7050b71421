#include "storage/shared_reader.h"

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <cerrno>
#include <cstring>
#include <ctime>

#include "storage/address_range.h"
#include "storage/arena.h"
#include "storage/hash.h"
#include "storage/index_bucket.h"
#include "storage/racing.h"

namespace pannier::storage {
namespace {

/// How often a read is begun anew when what it read was changing. A change takes less than a microsecond, so
/// that more than some of them mean that the writer was stopped in the middle of one.
constexpr int kTries = 64;
/// A chain of buckets longer than that is not read here.
constexpr int kBucketsInChain = 64;

constexpr std::uint64_t kLine = 64;
constexpr std::uint32_t kBucketWords = sizeof(IndexBucket) / sizeof(Ref);
/// A smaller one lies in two lines or three.
constexpr std::uint64_t kSmallSlotBytes = 2 * kLine;
/// Of an entry that is about to be copied.
constexpr std::uint64_t kPrefetchedMax = 2'048;

std::int64_t clock_ms(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return std::int64_t{now.tv_sec} * 1'000 + now.tv_nsec / 1'000'000;
}

void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

std::uint32_t load_acquire(const std::uint32_t& word) { return __atomic_load_n(&word, __ATOMIC_ACQUIRE); }

bool is_large(const CacheRecord& record) {
  constexpr std::uint32_t kEntriesBound = 1;
  return (load_racing(record.bounds_set) & kEntriesBound) == 0 ||
         load_racing_halves(record.entries_max) >= SharedReader::kEntriesMaxLeast;
}

std::uint32_t matches_racing(const IndexBucket& bucket, std::uint8_t tag) {
  if constexpr (kStoresAreChecked) {
    IndexBucket copy;
    read_racing(&copy, &bucket, sizeof copy);
    return copy.matches(tag);
  } else {
    std::atomic_signal_fence(std::memory_order_seq_cst);
    return bucket.matches(tag);
  }
}

/// A bit a word, of both buckets of a home. The second is empty where the first has room.
std::uint32_t matches_home(const IndexBucket* home, std::uint8_t tag) {
  return matches_racing(home[0], tag) | matches_racing(home[1], tag) << kBucketWords;
}

/// Entry::body_offset() by shape.
constexpr auto kBodyOffsets = [] {
  std::array<std::uint32_t, 16> offsets{};
  for (std::uint32_t shape = 0; shape < offsets.size(); ++shape) offsets[shape] = Entry::body_offset(shape);
  return offsets;
}();

/// How long value and key are, and the shape: the last two words of an entry's header, which must be looked
/// at once only, because bounds follow from them.
struct Sizes {
  std::uint64_t words;

  explicit Sizes(std::uint64_t known) : words(known) {}
  explicit Sizes(const char* entry)
      : words(load_racing_at<std::uint64_t>(entry + offsetof(Entry, value_bytes))) {
    static_assert(offsetof(Entry, key_bytes_and_shape) == offsetof(Entry, value_bytes) + 4);
  }
  std::uint64_t value_bytes() const { return words & 0xffffffff; }
  std::uint64_t key_bytes() const { return words >> 48; }
  std::uint32_t shape() const { return words >> 32 & 0xf; }
  bool has(std::uint32_t part) const { return (words >> 32 & part) != 0; }
  /// Where the value begins.
  std::uint64_t value() const { return kBodyOffsets[shape()] + key_bytes(); }
};

std::uint64_t state_racing(const char* entry) {
  return load_racing_at<std::uint64_t>(entry + offsetof(Entry, version_and_state));
}
std::uint64_t place_and_deadline_racing(const char* entry) {
  return load_racing_at<std::uint64_t>(entry + offsetof(Entry, place_and_deadline));
}

TimeMs deadline_racing(const char* entry, const Sizes& sizes) {
  if (!sizes.has(Entry::kHasDue)) return kNever;
  const auto& due = *reinterpret_cast<const Entry::Due*>(entry + Entry::body_offset(0));
  return deadline_from(load_racing(due.deadline_high), place_and_deadline_racing(entry) & 0xffff);
}

}  // namespace

std::variant<std::unique_ptr<SharedReader>, SharedReader::Fault> SharedReader::map(int fd) {
  struct stat status {};
  const bool is_known = fstat(fd, &status) == 0;
  const auto bytes = static_cast<std::uint64_t>(status.st_size);
  std::optional<Fault> fault;
  void* base = MAP_FAILED;
  if (!is_known) {
    fault = Fault{std::string("cannot look at the arena: ") + std::strerror(errno)};
  } else if (bytes < Arena::kBytesMin || bytes > Arena::kBytesMax) {
    fault = Fault{"this is no arena: it has " + std::to_string(bytes) + " bytes"};
  } else {
    base = map_aligned(bytes, PROT_READ, MAP_SHARED | MAP_NORESERVE, fd);
    if (base == MAP_FAILED) fault = Fault{std::string("cannot map the arena: ") + std::strerror(errno)};
  }
  close(fd);
  if (fault) return *std::move(fault);
  const auto& header = *static_cast<const ArenaHeader*>(base);
  const bool is_arena = load_racing(header.magic) == kArenaMagic && header.format == kArenaFormat &&
                        header.bytes == bytes && header.page_shift == PageClasses::page_shift_for(bytes);
  if (!is_arena) {
    munmap(base, bytes);
    return Fault{"this is no arena that this library can read"};
  }
  return std::unique_ptr<SharedReader>(new SharedReader(static_cast<const char*>(base), bytes, true));
}

std::unique_ptr<SharedReader> SharedReader::over(const Arena& arena) {
  const auto* const base = reinterpret_cast<const char*>(&arena.header());
  return std::unique_ptr<SharedReader>(new SharedReader(base, arena.bytes(), false));
}

SharedReader::SharedReader(const char* base, std::uint64_t bytes, bool is_own)
    : base_(base),
      bytes_(bytes),
      is_own_(is_own),
      page_shift_(PageClasses::page_shift_for(bytes)),
      pages_(static_cast<std::uint32_t>(bytes >> page_shift_)),
      hash_seed_(reinterpret_cast<const ArenaHeader*>(base)->hash_seed),
      server_(load_racing(sharing().servers)),
      flux_(reinterpret_cast<const std::uint32_t*>(base + HeadParts::kFlux)),
      cache_refs_(reinterpret_cast<const Ref*>(base + HeadParts::kCaches)) {
  const HeadParts parts(pages_);
  page_classes_ = reinterpret_cast<const std::uint8_t*>(base + parts.classes);
  const PageClasses classes(std::uint64_t{1} << page_shift_);
  for (std::uint8_t number = kFirstEntryClass; number < classes.count(); ++number)
    slot_bytes_[number] = classes.slot_bytes(number);
}

SharedReader::~SharedReader() {
  if (is_own_) munmap(const_cast<char*>(base_), bytes_);
}

bool SharedReader::is_served() const {
  // What the kernel leaves of a lock whose holder died is not the number of a thread.
  constexpr int kThread = 0x3fffffff;
  return (__atomic_load_n(&sharing().server.__data.__lock, __ATOMIC_ACQUIRE) & kThread) != 0 &&
         load_racing(sharing().servers) == server_;
}

TimeMs SharedReader::now() const {
  return clock_ms(CLOCK_MONOTONIC) + load_racing(sharing().clock_offset_ms);
}

std::uint64_t SharedReader::place(Ref ref) const {
  const Slot slot = entry_slot(ref);
  if (slot.bytes == nullptr) return 0;
  Entry header;
  read_racing(&header, slot.bytes, sizeof header);
  return header.place();
}

std::uint64_t SharedReader::entries(const CacheAt& cache) const {
  const IndexHead* const index = index_of(cache);
  return index == nullptr ? 0 : load_racing_halves(index->entries);
}

void SharedReader::let_go() {
  // Zeros take the place of the arena: nobody serves there, and no flux word is what it was.
  // Where there is no memory for that, the arena stays.
  std::ignore = mmap(const_cast<char*>(base_), bytes_, PROT_READ,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
}

std::uint64_t SharedReader::uses() const {
  return load_racing_halves(reinterpret_cast<const ArenaHeader*>(base_)->stamp);
}

// -- moments

inline bool SharedReader::is_due(TimeMs deadline) const { return deadline != kNever && is_past(deadline); }

bool SharedReader::is_past(TimeMs deadline) const {
  // The coarse clock takes a fraction of the time. It is behind by a tick of the system, or by several where
  // the processor that counts them is held up, as a virtual machine's is.
  constexpr std::int64_t kBehindMax = 1'000;
  const std::int64_t offset = load_racing(sharing().clock_offset_ms);
  if (clock_ms(CLOCK_MONOTONIC_COARSE) + offset + kBehindMax < deadline) return false;
  return clock_ms(CLOCK_MONOTONIC) + offset >= deadline;
}

// -- places: any ref may be any number. What it leads to is inside of the mapping; that it was the right
// thing is for the flux words to say.

template <typename Type, std::uint32_t kBytes>
const Type* SharedReader::at(Ref ref) const {
  const std::uint64_t offset =
      (std::uint64_t{page_of(ref)} << page_shift_) + std::uint64_t{slot_of(ref)} * kBytes;
  return offset <= bytes_ - kBytes ? reinterpret_cast<const Type*>(base_ + offset) : nullptr;
}

inline SharedReader::Slot SharedReader::entry_slot(Ref ref) const {
  const std::uint32_t page = page_of(ref);
  if (page >= pages_) return {};
  const std::uint32_t size = slot_bytes_[load_racing(page_classes_[page])];
  const std::uint64_t offset = (std::uint64_t{page} << page_shift_) + std::uint64_t{slot_of(ref)} * size;
  if (size == 0 || offset > bytes_ - size) return {};
  return {base_ + offset, size};
}

inline void SharedReader::prefetch_bucket(Ref ref) const {
  // No bounds: any address may be fetched ahead.
  __builtin_prefetch(base_ + (std::uint64_t{page_of(ref)} << page_shift_) +
                     std::uint64_t{slot_of(ref)} * kBucketBytes);
}

// -- caches

bool SharedReader::is_cache(Ref ref, std::string_view name) const {
  const auto* const record = at<CacheRecord, kBlockBytes>(ref);
  return record != nullptr && load_racing(record->state) == CacheRecord::kOpen &&
         load_racing(record->clears) == 0 && load_racing(record->name_bytes) == name.size() &&
         equal_racing(record->name.data(), name);
}

bool SharedReader::find_cache(std::string_view name, CacheAt& cache) const {
  if (name.size() > CacheRecord::kNameBytesMax) return false;
  const std::uint32_t flux = load_acquire(sharing().catalog_flux);
  if ((flux & 1) != 0) return false;
  for (std::uint32_t ordinal = 0; ordinal < kCachesMax; ++ordinal) {
    const Ref ref = load_racing(cache_refs_[ordinal]);
    if (ref == kNoRef || !is_cache(ref, name)) continue;
    if (!is_large(*at<CacheRecord, kBlockBytes>(ref))) return false;
    cache = {ref, flux, ordinal};
    std::atomic_thread_fence(std::memory_order_acquire);
    return load_racing(sharing().catalog_flux) == flux;
  }
  return false;
}

inline const IndexHead* SharedReader::index_of(const CacheAt& cache) const {
  const auto* const record = at<CacheRecord, kBlockBytes>(cache.record);
  return record == nullptr ? nullptr : &record->index;
}

// -- entries

inline void SharedReader::prefetch_entry(const Slot& slot) {
  // All of it at once, rather than the header first, and line after line as it is copied: an entry fills its
  // slot but for some percent.
  if (slot.size > kSmallSlotBytes) prefetch_large(slot);
  __builtin_prefetch(slot.bytes);
  __builtin_prefetch(slot.bytes + kLine);
  __builtin_prefetch(slot.bytes + std::min<std::uint64_t>(slot.size, kSmallSlotBytes) - 1);
}

void SharedReader::prefetch_large(const Slot& slot) {
  const std::uint64_t end = std::min<std::uint64_t>(slot.size, kPrefetchedMax);
  for (std::uint64_t line = 0; line < end; line += kLine) __builtin_prefetch(slot.bytes + line);
  // A slot seldom begins where a line does.
  __builtin_prefetch(slot.bytes + end - 1);
}

inline SharedReader::Found SharedReader::match(Ref ref, const Key& key) const {
  const Slot slot = entry_slot(ref);
  if (slot.bytes == nullptr) return Found::unclear();
  prefetch_entry(slot);
  const Sizes sizes(slot.bytes);
  if (sizes.key_bytes() != key.bytes.size()) return {};
  // A key that goes on in pieces is for the daemon.
  if (sizes.value() > slot.size) return Found::unclear();
  if (!equal_racing(slot.bytes + kBodyOffsets[sizes.shape()], key.bytes)) return {};
  return {.bytes = slot.bytes, .slot_bytes = slot.size, .ref = ref};
}

inline SharedReader::Found SharedReader::match_any(const IndexBucket* buckets, std::uint32_t matching,
                                                   const Key& key) const {
  static_assert(offsetof(IndexBucket, refs) == 0);
  const Ref* const words = buckets->refs.data();
  const auto first_of = [&](std::uint32_t slots) { return load_racing(words[std::countr_zero(slots)]); };
  for (; matching != 0; matching &= matching - 1) {
    // Where another key has the same tag, which is so once in twenty times, memory is waited for but once.
    const std::uint32_t others = matching & (matching - 1);
    if (others != 0) __builtin_prefetch(entry_slot(first_of(others)).bytes);
    const Found found = match(first_of(matching), key);
    if (!found.is_none()) return found;
  }
  return {};
}

inline const IndexBucket* SharedReader::home(const IndexHead& index, std::uint64_t number) const {
  const std::uint64_t segment = number / IndexBucket::kPerSegment;
  const Ref leaf_ref = load_racing(index.leaves[segment / IndexBucket::kSegmentsPerLeaf]);
  const auto* const leaf = at<Ref, kBlockBytes>(leaf_ref);
  if (leaf == nullptr) return nullptr;
  const Ref segment_ref = load_racing(leaf[segment % IndexBucket::kSegmentsPerLeaf]);
  const auto* const first = at<IndexBucket, kBlockBytes>(segment_ref);
  return first == nullptr ? nullptr : first + number % IndexBucket::kPerSegment * IndexBucket::kHome;
}

inline SharedReader::Found SharedReader::search(const IndexHead& index, std::uint64_t number,
                                                const Key& key) const {
  const IndexBucket* const home = this->home(index, number);
  if (home == nullptr) return Found::unclear();
  const std::uint32_t matching = matches_home(home, tag_of(key.hash));
  const Found found = match_any(home, matching, key);
  if (!found.is_none()) return found;
  const Ref behind_first = load_racing(home[0].overflow);
  const Ref overflow = behind_first == IndexBucket::kBeside ? load_racing(home[1].overflow) : behind_first;
  return overflow == kNoRef ? Found{} : search_overflow(overflow, key);
}

SharedReader::Found SharedReader::search_overflow(Ref overflow, const Key& key) const {
  for (int i = 1; i < kBucketsInChain; ++i) {
    const auto* const bucket = at<IndexBucket, kBucketBytes>(overflow);
    if (bucket == nullptr) break;
    const std::uint32_t matching = matches_racing(*bucket, tag_of(key.hash));
    overflow = load_racing(bucket->overflow);
    prefetch_bucket(overflow);
    const Found found = match_any(bucket, matching, key);
    if (!found.is_none() || overflow == kNoRef) return found;
  }
  return Found::unclear();
}

inline bool SharedReader::copy_value(const CacheAt& cache, const Found& found, const Room& room,
                                     const Seen& seen) const {
  const Sizes sizes(found.bytes);
  if (sizes.value_bytes() > room.bytes_max) return false;
  if (sizes.has(Entry::kHasPieces)) {
    // Before there is room for so much: by now, the size may be another entry's, or no size.
    return holds(cache, seen) && copy_pieces(found, sizes.words, room);
  }
  if (sizes.value() + sizes.value_bytes() > found.slot_bytes) return false;
  copy_whole(found.bytes + sizes.value(), sizes.value_bytes(), room.value);
  return true;
}

void SharedReader::copy_whole(const char* from, std::uint64_t bytes, std::string& to) {
  read_racing(to, from, bytes);
}

bool SharedReader::copy_pieces(const Found& found, std::uint64_t size_words, const Room& room) const {
  const Sizes sizes(size_words);
  const std::uint64_t bytes = sizes.value_bytes();
  const std::uint64_t value = sizes.value();
  if (bytes > bytes_ || value > found.slot_bytes) return false;
  const std::uint32_t first = Entry::body_offset(sizes.shape() & (Entry::kHasPieces - 1));
  Ref ref = load_racing(*reinterpret_cast<const Ref*>(found.bytes + first));
  std::uint64_t done = std::min<std::uint64_t>(bytes, found.slot_bytes - value);
  room.value.resize(bytes);
  read_racing(room.value.data(), found.bytes + value, done);
  // Each slot has room for something beside a piece's header, so that this ends.
  while (done < bytes) {
    const Slot slot = entry_slot(ref);
    if (slot.bytes == nullptr || slot.size <= sizeof(Piece)) return false;
    const std::uint64_t count = std::min<std::uint64_t>(bytes - done, slot.size - sizeof(Piece));
    read_racing(room.value.data() + done, slot.bytes + sizeof(Piece), count);
    done += count;
    ref = load_racing(reinterpret_cast<const Piece*>(slot.bytes)->next);
  }
  return true;
}

inline bool SharedReader::holds(const CacheAt& cache, const Seen& seen) const {
  std::atomic_thread_fence(std::memory_order_acquire);
  return is_served() && load_racing(flux_[seen.bucket % kFluxWords]) == seen.flux &&
         load_racing(sharing().wide_flux) == seen.wide_flux &&
         load_racing(sharing().catalog_flux) == cache.flux;
}

inline std::optional<SharedReader::Outcome> SharedReader::attempt(const CacheAt& cache, const Key& key,
                                                                  const Room& room, Seen& seen) const {
  const IndexHead* const index = index_of(cache);
  if (index == nullptr) return std::nullopt;
  const std::uint64_t homes = load_racing_halves(index->homes);
  if (homes > IndexBucket::kMax) return std::nullopt;
  const std::uint64_t number = homes == 0 ? 0 : home_number(key.hash, homes);
  const std::uint32_t wide_flux = load_acquire(sharing().wide_flux);
  const std::uint32_t flux = load_acquire(flux_[number % kFluxWords]);
  if (((wide_flux | flux) & 1) != 0) return std::nullopt;
  seen.bucket = number;
  seen.flux = flux;
  seen.wide_flux = wide_flux;
  const Found found = homes == 0 ? Found{} : search(*index, number, key);
  Outcome outcome = found.is_none() ? Outcome::kAbsent : Outcome::kElsewhere;
  if (found.is_there()) {
    const std::uint64_t state = state_racing(found.bytes);
    seen.version = state >> Entry::kStateBits;
    seen.deadline = deadline_racing(found.bytes, Sizes(found.bytes));
    seen.ref = found.ref;
    seen.place = place_and_deadline_racing(found.bytes) >> 16;
    const bool is_record = (state & Entry::kKindMask) == static_cast<std::uint64_t>(Entry::Kind::kRecord);
    if (!is_record || is_due(seen.deadline)) {
      outcome = Outcome::kAbsent;
    } else if (copy_value(cache, found, room, seen)) {
      outcome = Outcome::kHit;
    }
  }
  // In a table that has grown or shrunk meanwhile, the key may be in another home. Before the flux words are
  // looked at again: by them, it is known that no entry has come from there since, nor gone there.
  if (load_racing_halves(index->homes) != homes || !holds(cache, seen)) return std::nullopt;
  return outcome;
}

/// As one function: half of what a call costs where all is in the processor's caches is calls.
[[gnu::flatten]] SharedReader::Outcome SharedReader::get(const CacheAt& cache, std::string_view key_bytes,
                                                         const Room& room, Seen& seen) const {
  const Key key{key_bytes, hash_of(key_bytes, hash_seed_)};
  const auto outcome = attempt(cache, key, room, seen);
  return outcome ? *outcome : get_again(cache, key, room, seen);
}

SharedReader::Outcome SharedReader::get_again(const CacheAt& cache, const Key& key, const Room& room,
                                              Seen& seen) const {
  for (int tries = 1; tries < kTries; ++tries) {
    if (!is_served()) return Outcome::kElsewhere;
    if (load_racing(sharing().catalog_flux) != cache.flux) return Outcome::kCacheIsMoved;
    if (const auto outcome = attempt(cache, key, room, seen)) return *outcome;
    pause();
  }
  return Outcome::kElsewhere;
}

[[gnu::flatten]] void SharedReader::fetch_ahead(const CacheAt& cache, std::string_view key,
                                                Ahead what) const {
  const std::uint64_t hash = hash_of(key, hash_seed_);
  const IndexHead* const index = index_of(cache);
  if (index == nullptr) return;
  const std::uint64_t homes = load_racing_halves(index->homes);
  if (homes == 0 || homes > IndexBucket::kMax) return;
  const std::uint64_t number = home_number(hash, homes);
  const IndexBucket* const home = this->home(*index, number);
  if (home == nullptr) return;
  if (what == Ahead::kHome) {
    __builtin_prefetch(&flux_[number % kFluxWords]);
    __builtin_prefetch(home);
    __builtin_prefetch(home + 1);
    return;
  }
  const std::uint32_t matching = matches_home(home, tag_of(hash));
  if (matching == 0) return prefetch_bucket(load_racing(home[1].overflow));
  const Slot slot = entry_slot(load_racing(home->refs.data()[std::countr_zero(matching)]));
  if (slot.bytes != nullptr) prefetch_entry(slot);
}

bool SharedReader::is_unchanged(const CacheAt& cache, const Seen& seen) const {
  // The deadline first: the clock may be another when the memory is let go.
  return ((cache.flux | seen.wide_flux | seen.flux) & 1) == 0 && !is_due(seen.deadline) && holds(cache, seen);
}

}  // namespace pannier::storage
