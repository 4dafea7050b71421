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

bool equal_racing(const char* bytes, std::string_view wanted) {
  char piece[64];
  for (std::size_t done = 0; done < wanted.size(); done += sizeof piece) {
    const std::size_t count = std::min(sizeof piece, wanted.size() - done);
    read_racing(piece, bytes + done, count);
    if (std::memcmp(piece, wanted.data() + done, count) != 0) return false;
  }
  return true;
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
      classes_(std::uint64_t{1} << page_shift_),
      flux_(reinterpret_cast<const std::uint32_t*>(base + HeadParts::flux)),
      cache_refs_(reinterpret_cast<const Ref*>(base + HeadParts::caches)) {
  const HeadParts parts(pages_);
  page_classes_ = reinterpret_cast<const std::uint8_t*>(base + parts.classes);
  first_page_ =
      static_cast<std::uint32_t>((parts.end + (std::uint64_t{1} << page_shift_) - 1) >> page_shift_);
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
  mmap(const_cast<char*>(base_), bytes_, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED,
       -1, 0);
}

std::uint64_t SharedReader::uses() const {
  return load_racing_halves(reinterpret_cast<const ArenaHeader*>(base_)->stamp);
}

SharedReader::Key SharedReader::key(std::string_view bytes) const {
  return {bytes, hash_of(bytes, hash_seed_)};
}

// -- moments

SharedReader::Moment SharedReader::moment(std::uint64_t bucket) const {
  return {load_acquire(sharing().catalog_flux), load_acquire(sharing().wide_flux),
          load_acquire(flux_[bucket % kFluxWords])};
}

bool SharedReader::holds(const Moment& moment, std::uint64_t bucket) const {
  std::atomic_thread_fence(std::memory_order_acquire);
  return load_racing(flux_[bucket % kFluxWords]) == moment.bucket &&
         load_racing(sharing().wide_flux) == moment.wide &&
         load_racing(sharing().catalog_flux) == moment.catalog;
}

bool SharedReader::is_due(TimeMs deadline) const {
  if (deadline == kNever) return false;
  // The coarse clock takes a fraction of the time. It is behind by a tick of the system, or by several where
  // the processor that counts them is held up, as a virtual machine's is.
  constexpr std::int64_t kBehindMax = 1'000;
  const std::int64_t offset = load_racing(sharing().clock_offset_ms);
  if (clock_ms(CLOCK_MONOTONIC_COARSE) + offset + kBehindMax < deadline) return false;
  return clock_ms(CLOCK_MONOTONIC) + offset >= deadline;
}

// -- places: any ref may be any number

template <typename Type, std::uint8_t kClass, std::uint32_t kBytes>
const Type* SharedReader::at(Ref ref) const {
  const std::uint32_t page = page_of(ref);
  if (page < first_page_ || page >= pages_ || load_racing(page_classes_[page]) != kClass) return nullptr;
  if (slot_of(ref) >= classes_.slots(kClass)) return nullptr;
  return reinterpret_cast<const Type*>(base_ + (std::uint64_t{page} << page_shift_) +
                                       std::uint64_t{slot_of(ref)} * kBytes);
}

SharedReader::Slot SharedReader::entry_slot(Ref ref) const {
  const std::uint32_t page = page_of(ref);
  if (page < first_page_ || page >= pages_) return {};
  const std::uint8_t number = load_racing(page_classes_[page]);
  if (number < kFirstEntryClass || number >= classes_.count() || slot_of(ref) >= classes_.slots(number))
    return {};
  const std::uint32_t size = classes_.slot_bytes(number);
  return {base_ + (std::uint64_t{page} << page_shift_) + std::uint64_t{slot_of(ref)} * size, size};
}

// -- caches

bool SharedReader::is_cache(Ref ref, std::string_view name) const {
  const auto* const record = at<CacheRecord, kBlockClass, kBlockBytes>(ref);
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
    if (!is_large(*at<CacheRecord, kBlockClass, kBlockBytes>(ref))) return false;
    cache = {ref, flux, ordinal};
    std::atomic_thread_fence(std::memory_order_acquire);
    return load_racing(sharing().catalog_flux) == flux;
  }
  return false;
}

const IndexHead* SharedReader::index_of(const CacheAt& cache) const {
  const auto* const record = at<CacheRecord, kBlockClass, kBlockBytes>(cache.record);
  return record == nullptr ? nullptr : &record->index;
}

// -- entries

SharedReader::Search SharedReader::match(Ref ref, const Key& key, Found& found, Seen& seen) const {
  found.slot = entry_slot(ref);
  if (found.slot.bytes == nullptr) return Search::kUnclear;
  // A small entry lies in two lines or three, whatever its header says.
  __builtin_prefetch(found.slot.bytes + kLine);
  __builtin_prefetch(found.slot.bytes + std::min<std::uint64_t>(found.slot.size, 2 * kLine) - 1);
  Entry& header = found.header;
  read_racing(&header, found.slot.bytes, sizeof header);
  if (header.key_bytes() != key.bytes.size()) return Search::kNone;
  // All of it at once, rather than line after line as it is copied.
  const std::uint64_t ahead = std::min<std::uint64_t>(found.slot.size, kPrefetchedMax);
  for (std::uint64_t line = 2 * kLine; line < std::min(ahead, sizeof header + header.body_bytes());
       line += kLine) {
    __builtin_prefetch(found.slot.bytes + line);
  }
  const std::uint32_t body = Entry::body_offset(header.shape());
  if (body > found.slot.size) return Search::kUnclear;
  const std::uint32_t room = found.slot.size - body;
  // A key that goes on in pieces is for the daemon.
  if (header.key_bytes() > room) return Search::kUnclear;
  if (!header.has(Entry::kHasPieces) && header.body_bytes() > room) return Search::kUnclear;
  if (!equal_racing(found.slot.bytes + body, key.bytes)) return Search::kNone;
  found.deadline = kNever;
  if (header.has(Entry::kHasDue)) {
    const auto& due = *reinterpret_cast<const Entry::Due*>(found.slot.bytes + Entry::body_offset(0));
    found.deadline = deadline_from(load_racing(due.deadline_high), header.place_and_deadline & 0xffff);
  }
  seen.version = header.version();
  seen.deadline = found.deadline;
  seen.ref = ref;
  seen.place = header.place();
  return Search::kFound;
}

SharedReader::Search SharedReader::match_any(std::span<const IndexBucket> buckets, const Key& key,
                                             Found& found, Seen& seen) const {
  const std::uint8_t tag = tag_of(key.hash);
  std::uint32_t matching = 0;
  for (std::size_t i = buckets.size(); i-- > 0;) {
    matching = matching << IndexBucket::kSlots | buckets[i].matches(tag);
  }
  const auto first_of = [&](std::uint32_t slots) {
    const auto slot = static_cast<std::uint32_t>(std::countr_zero(slots));
    return buckets[slot / IndexBucket::kSlots].refs[slot % IndexBucket::kSlots];
  };
  for (; matching != 0; matching &= matching - 1) {
    // Where another key has the same tag, which is so once in twenty times, memory is waited for but once.
    const std::uint32_t others = matching & (matching - 1);
    if (others != 0) __builtin_prefetch(entry_slot(first_of(others)).bytes);
    const Search result = match(first_of(matching), key, found, seen);
    if (result != Search::kNone) return result;
  }
  return Search::kNone;
}

SharedReader::Search SharedReader::search(const IndexHead& index, std::uint64_t number, const Key& key,
                                          Found& found, Seen& seen) const {
  const std::uint64_t segment = number / IndexBucket::kPerSegment;
  const Ref leaf_ref = load_racing(index.leaves[segment / IndexBucket::kSegmentsPerLeaf]);
  const auto* const leaf = at<Ref, kBlockClass, kBlockBytes>(leaf_ref);
  if (leaf == nullptr) return Search::kUnclear;
  const Ref segment_ref = load_racing(leaf[segment % IndexBucket::kSegmentsPerLeaf]);
  const auto* const first = at<IndexBucket, kBlockClass, kBlockBytes>(segment_ref);
  if (first == nullptr) return Search::kUnclear;
  // Its second bucket is empty where the first has room.
  std::array<IndexBucket, IndexBucket::kHome> home;
  read_racing(&home, first + number % IndexBucket::kPerSegment * IndexBucket::kHome, sizeof home);
  Ref overflow = home[0].overflow == IndexBucket::kBeside ? home[1].overflow : home[0].overflow;
  std::span<const IndexBucket> buckets = home;
  for (int i = 0; i < kBucketsInChain; ++i) {
    // The next one is on its way while this one's entries are looked at.
    const auto* const next = at<IndexBucket, kBucketClass, kBucketBytes>(overflow);
    __builtin_prefetch(next);
    const Search result = match_any(buckets, key, found, seen);
    if (result != Search::kNone) return result;
    if (overflow == kNoRef) return Search::kNone;
    if (next == nullptr) return Search::kUnclear;
    read_racing(home.data(), next, sizeof(IndexBucket));
    buckets = std::span(home).first(1);
    overflow = home[0].overflow;
  }
  return Search::kUnclear;
}

bool SharedReader::copy_value(const Found& found, Room& room) const {
  const Entry& header = found.header;
  std::uint64_t left = header.value_bytes;
  if (left > bytes_) return false;
  char* const to = room.take(left);
  if (to == nullptr) return false;
  const std::uint32_t before = Entry::body_offset(header.shape()) + header.key_bytes();
  const std::uint64_t here = std::min<std::uint64_t>(left, found.slot.size - before);
  read_racing(to, found.slot.bytes + before, here);
  left -= here;
  if (left == 0) return true;
  const std::uint32_t first = Entry::body_offset(header.shape() & (Entry::kHasPieces - 1));
  Ref ref = load_racing(*reinterpret_cast<const Ref*>(found.slot.bytes + first));
  // Each slot has room for something beside a piece's header, so that this ends.
  while (left > 0) {
    const Slot slot = entry_slot(ref);
    if (slot.bytes == nullptr || slot.size <= sizeof(Piece)) return false;
    const std::uint64_t count = std::min<std::uint64_t>(left, slot.size - sizeof(Piece));
    read_racing(to + (header.value_bytes - left), slot.bytes + sizeof(Piece), count);
    left -= count;
    ref = load_racing(reinterpret_cast<const Piece*>(slot.bytes)->next);
  }
  return true;
}

SharedReader::Outcome SharedReader::get(const CacheAt& cache, const Key& key, Room& room, Seen& seen) const {
  for (int tries = 0; tries < kTries; ++tries) {
    if (!is_served()) return Outcome::kElsewhere;
    if (load_acquire(sharing().catalog_flux) != cache.flux) return Outcome::kCacheIsMoved;
    const IndexHead* const index = index_of(cache);
    if (index == nullptr) return Outcome::kElsewhere;
    const std::uint64_t homes = load_racing_halves(index->homes);
    if (homes > IndexBucket::kMax) return Outcome::kElsewhere;
    const std::uint64_t number = homes == 0 ? 0 : home_number(key.hash, homes);
    const Moment moment = this->moment(number);
    if (((moment.wide | moment.bucket) & 1) != 0) {
      pause();
      continue;
    }
    Found found;
    Search result = homes == 0 ? Search::kNone : search(*index, number, key, found, seen);
    const bool is_there = result == Search::kFound && found.header.has_value() && !is_due(found.deadline);
    if (is_there && !copy_value(found, room)) result = Search::kUnclear;
    // In a table that has grown or shrunk meanwhile, the key may be in another home.
    if (!holds(moment, number) || load_racing_halves(index->homes) != homes || moment.catalog != cache.flux)
      continue;
    seen.bucket = number;
    seen.flux = moment.bucket;
    seen.wide_flux = moment.wide;
    if (result == Search::kUnclear) return Outcome::kElsewhere;
    return is_there ? Outcome::kHit : Outcome::kAbsent;
  }
  return Outcome::kElsewhere;
}

bool SharedReader::is_unchanged(const CacheAt& cache, const Seen& seen) const {
  const Moment then{cache.flux, seen.wide_flux, seen.flux};
  return is_served() && ((then.catalog | then.wide | then.bucket) & 1) == 0 && holds(then, seen.bucket) &&
         !is_due(seen.deadline);
}

}  // namespace pannier::storage
