// The layout of the arena: what lies at which offset. ARENA.md draws and explains it, and says what holds
// between the parts. Any change here is a change of kArenaFormat.
//
// All words are little-endian as on the machines this runs on, and aligned to four bytes.
#pragma once

#include <pthread.h>

#include <array>
#include <cstddef>
#include <cstdint>

namespace pannier::storage {

inline constexpr std::uint64_t kArenaMagic = 0x414e'4552'414e'50;  // "PNARENA", little-endian
inline constexpr std::uint32_t kArenaFormat = 5;

/// 64 bits where only four-byte alignment is promised.
using Word64 = std::uint64_t __attribute__((aligned(4)));

/// A slot: page number << 12 | slot in the page. Page 0 is the head of the arena, so that 0 is no slot.
using Ref = std::uint32_t;
inline constexpr Ref kNoRef = 0;
inline constexpr unsigned kSlotBits = 12;
inline constexpr std::uint32_t page_of(Ref ref) { return ref >> kSlotBits; }
inline constexpr std::uint32_t slot_of(Ref ref) { return ref & ((1U << kSlotBits) - 1); }
inline constexpr Ref ref_of(std::uint32_t page, std::uint32_t slot) { return page << kSlotBits | slot; }
/// No page has this number or a higher one: the highest bit of a Ref is free for a mark.
inline constexpr std::uint32_t kPagesMax = 1U << 19;

/// The state of a page, and the class of its slots. From kFirstEntryClass on: entries and their pieces.
inline constexpr std::uint8_t kFreePage = 0;
inline constexpr std::uint8_t kBlockClass = 1;   ///< 4 KiB: cache records and the index
inline constexpr std::uint8_t kBucketClass = 2;  ///< 64 bytes: buckets that others overflow into
inline constexpr std::uint8_t kFirstEntryClass = 3;
inline constexpr std::size_t kClassesMax = 128;
inline constexpr std::uint32_t kBlockBytes = 4'096;
inline constexpr std::uint32_t kBucketBytes = 64;

inline constexpr std::uint32_t kJournalRecords = 1'024;
struct JournalRecord {
  /// In the offset: only the lower four of the old bytes count.
  static constexpr std::uint64_t kHalf = std::uint64_t{1} << 63;
  /// In the offset: `old_bytes` is how many there are, and they are in the records that follow.
  static constexpr std::uint64_t kRun = std::uint64_t{1} << 62;

  std::uint64_t offset;
  std::uint64_t old_bytes;  ///< what was at the offset
};

/// Bins of the pages of a class by how much of them is free; a page without free slots is in none.
inline constexpr std::uint32_t kBins = 8;
inline constexpr std::uint32_t kNoBin = 0xff;

struct PageRecord {
  std::uint32_t previous;        ///< pages of the same bin; 0 is none
  std::uint32_t next;            ///< the same, or the next free page
  std::uint32_t free_and_fresh;  ///< free slots, those never used included << 16 | first that was never used
  std::uint32_t first_free_and_bin;  ///< first used and free slot + 1, 0 for none << 16 | bin
};
static_assert(sizeof(PageRecord) == 16);

struct ClassRecord {
  std::array<std::uint32_t, kBins> bins;  ///< first page of each
  std::uint32_t pages;
  std::uint32_t free_slots;
};

struct ListHead {
  Ref oldest;
  Ref newest;
  Word64 size;
};

inline constexpr std::uint32_t kCachesMax = 4'096;

/// What other processes, which map the arena read-only, must look at before and after they read
/// (shared_reader.h). A cache line of its own: it seldom changes, and they read it all the time.
struct alignas(64) SharingHead {
  /// Robust, and held by the process that serves from the arena: the kernel takes it from a process that
  /// dies, before anybody else can notice the death.
  pthread_mutex_t server;
  std::uint32_t catalog_flux;    ///< odd while a cache comes, goes, or is being cleared; then it has grown
  std::uint32_t wide_flux;       ///< odd while entries of any hash change; then it has grown
  std::int64_t clock_offset_ms;  ///< wall time, less CLOCK_MONOTONIC
  std::uint32_t servers;         ///< how many have served from it
};
static_assert(sizeof(SharingHead) <= 64);

/// A word for each of as many parts of all keys, by the low bits of their home's number: odd while what is
/// in such a home, or the entry that it leads to, changes; then it has grown.
inline constexpr std::uint32_t kFluxWords = 4'096;

inline constexpr std::uint32_t kReadByNobody = 1;

/// The head of the arena. Behind it, each at a multiple of 64 bytes: SharingHead, the flux words, the
/// journal, the cache records' refs (by ordinal), the classes of all pages (a byte each), the pages' records.
struct ArenaHeader {
  std::uint64_t magic;
  std::uint32_t format;
  std::uint32_t page_shift;
  std::uint64_t bytes;
  std::uint64_t hash_seed;
  std::uint32_t is_closed_cleanly;
  std::uint32_t journal_count;

  // catalog.cc
  Word64 stamp;
  Word64 version_next;
  Word64 versions_bound;
  Word64 sequence_last;
  std::uint32_t id_last;
  /// Whom readers in other processes were, since it was made: kReadByNobody, what Arena::note_readers() was
  /// told, or 0 for several such, and for arenas of before it was noted.
  std::uint32_t read_by;
  std::array<char, 32> store_identity;
  Word64 store_bound;          ///< the reserved bound of versions that the store is known to have
  Word64 store_bound_pending;  ///< or this one

  // slots.cc
  std::uint32_t free_pages;       ///< how many are in the list and were used before
  std::uint32_t first_free_page;  ///< 0: none
  std::uint32_t fresh_page;       ///< the first that was never used
  std::uint32_t populated_end;    ///< the system refused memory from this page on; 0: it did not
  Ref draft;                      ///< first piece of the latest value that is being written; 0: none
  Ref garbage;                    ///< first piece of the latest chain that waits to be freed
  std::uint32_t evacuated_page;   ///< in no bin, because its entries are being moved; 0: none
  std::uint32_t unused;
  Word64 garbage_bytes;  ///< of slots in garbage chains
  std::array<ClassRecord, kClassesMax> classes;
};

inline constexpr std::uint64_t head_aligned(std::uint64_t bytes) { return (bytes + 63) / 64 * 64; }

/// Where the parts of the head begin.
struct HeadParts {
  explicit constexpr HeadParts(std::uint64_t pages)
      : classes(head_aligned(kCaches + kCachesMax * sizeof(Ref))),
        records(head_aligned(classes + pages + sizeof(std::uint64_t))),
        end(head_aligned(records + pages * sizeof(PageRecord))) {}

  static constexpr std::uint64_t kSharing = head_aligned(sizeof(ArenaHeader));
  static constexpr std::uint64_t kFlux = head_aligned(kSharing + sizeof(SharingHead));
  static constexpr std::uint64_t kJournal = kFlux + kFluxWords * sizeof(std::uint32_t);
  static constexpr std::uint64_t kCaches = head_aligned(kJournal + kJournalRecords * sizeof(JournalRecord));
  std::uint64_t classes;
  std::uint64_t records;
  std::uint64_t end;
};

}  // namespace pannier::storage
