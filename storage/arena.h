// Arena: the one memory region in which everything lives that storage keeps: entries, index, lists, wheels,
// counters. A memfd, or a file of a tmpfs directory, that is mapped shared and outlives the process. What
// lies where is in ARENA.md and arena_layout.h; this class is the mapping, the addressing, and the journal.
//
// All places are offsets or Refs, never pointers. A change of several words is a Transaction: each set()
// notes the old word in the journal before it stores the new one, and the end of the transaction forgets the
// notes. A process that dies in between leaves the notes, and the next one puts the old words back: every
// transaction happened whole or not at all, whatever instruction was the last. That needs no flush and no
// fence but the compiler's, because a process's stores are all seen once it is dead. Power loss takes the
// arena whole.
//
// Other processes may map the arena read-only and read entries while they change (shared_reader.h). Before a
// transaction changes what they look at, it says which buckets of an index it is about to disturb; its end
// says that they are settled.
//
// Thread safety: none.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "storage/address_range.h"
#include "storage/arena_layout.h"
#include "storage/page_classes.h"
#include "storage/racing.h"

namespace pannier::storage {

/// Why there is no arena, or why this one cannot be taken over; `text` is a whole sentence for the log.
struct ArenaFault {
  enum class Kind : std::uint8_t {
    kSystem,       ///< the system refused memory, the file, or the mapping
    kNotAnArena,   ///< too small, another file, or damaged in its head
    kOtherFormat,  ///< an arena of another version of the format
  } kind;
  std::string text;
};

class Arena {
 public:
  /// From 1 MiB to 64 GiB.
  static constexpr std::uint64_t kBytesMin = std::uint64_t{1} << 20;
  static constexpr std::uint64_t kBytesMax = std::uint64_t{64} << 30;

  using Made = std::variant<std::unique_ptr<Arena>, ArenaFault>;
  /// A new, empty one of `bytes` (rounded down to whole pages), as a memfd that nobody else can open for
  /// writing. No memory is taken until it is used. Precondition: kBytesMin <= bytes <= kBytesMax.
  static Made create(std::uint64_t bytes);
  /// Initializes an open, empty file of a tmpfs directory. The descriptor is the arena's from then on.
  static Made create_in(int fd, std::uint64_t bytes);
  /// Takes over what an earlier process left. Takes back what a transaction that did not end had changed. The
  /// descriptor is the arena's from then on, but after a fault it is closed.
  static Made attach(int fd);
  /// The same on a copy that only this process sees: nothing that is done to it reaches the file.
  static Made attach_copy(int fd);

  ~Arena();
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  int fd() const { return fd_; }
  std::uint64_t bytes() const { return bytes_; }
  /// Whether it was taken over, and if so, whether its process had said close_cleanly().
  bool is_attached() const { return is_attached_; }
  bool was_closed_cleanly() const { return was_closed_cleanly_; }
  /// How many words of an unfinished transaction were put back.
  std::uint64_t words_rolled_back() const { return words_rolled_back_; }
  /// The last thing that is done with it.
  void close_cleanly();

  // -- readers in other processes

  /// They may read from now on, until this process ends in whatever way, or the arena is destroyed by the
  /// thread that calls this. `clock_offset_ms`: wall time as deadlines count it, less CLOCK_MONOTONIC.
  void serve_readers(std::int64_t clock_offset_ms);
  /// They ask the daemon from now on. For the thread that has called serve_readers(), if one has.
  void stop_serving_readers();
  /// Those who read now find that they must ask for it anew. Precondition: serve_readers() was called.
  void turn_readers_out() { ++sharing().servers; }
  /// It is about to be given to somebody of those that `who` stands for: a number above kReadByNobody.
  void note_readers(std::uint32_t who);
  /// Opens the same memory once more, for reading alone. Negative, with errno, if the system refuses.
  int open_for_reading() const;

  // -- addressing

  ArenaHeader& header() const { return *reinterpret_cast<ArenaHeader*>(base_); }
  std::uint32_t pages() const { return pages_; }
  unsigned page_shift() const { return page_shift_; }
  std::uint64_t page_bytes() const { return std::uint64_t{1} << page_shift_; }
  const PageClasses& classes() const { return classes_; }
  PageRecord& page(std::uint32_t number) const { return page_records_[number]; }
  std::uint8_t class_of_page(std::uint32_t number) const { return page_classes_[number]; }
  std::uint8_t& class_cell(std::uint32_t number) const { return page_classes_[number]; }
  /// The number of the first page that is not the arena's own head.
  std::uint32_t first_page() const { return first_page_; }

  /// The cache record of an ordinal; 0: there is none.
  Ref& cache_ref(std::uint32_t ordinal) const { return cache_refs_[ordinal]; }

  /// Precondition: the page of `ref` has a class.
  char* slot(Ref ref) const {
    const std::uint32_t number = page_of(ref);
    return base_ + (std::uint64_t{number} << page_shift_) +
           std::uint64_t{slot_of(ref)} * classes_.slot_bytes(page_classes_[number]);
  }
  template <typename Type>
  Type& at(Ref ref) const {
    return *reinterpret_cast<Type*>(slot(ref));
  }
  /// The same for slots whose class is known, which takes fewer steps.
  template <typename Type, std::uint32_t kSlotBytes>
  Type& at_fixed(Ref ref) const {
    char* const place =
        base_ + (std::uint64_t{page_of(ref)} << page_shift_) + std::uint64_t{slot_of(ref)} * kSlotBytes;
    return *reinterpret_cast<Type*>(place);
  }
  /// Makes sure that the memory of a page is there, which may fail only here. False, with errno: the system
  /// has none.
  bool populate(std::uint32_t page);
  /// Whether it ever had none for this arena.
  bool has_lacked_memory() const { return header().populated_end != 0; }

  // -- huge pages: fewer entries of the processor's translation cache for the same memory

  static constexpr std::uint64_t kHugePageBytes = storage::kHugePageBytes;
  enum class HugePage : std::uint8_t {
    kMade,
    kNotNow,      ///< the system has none to spare at the moment
    kImpossible,  ///< the system cannot (Linux before 6.1), or must not
  };
  /// The first of the ranges of kHugePageBytes at or behind `from` that is to be made huge now: nothing of it
  /// is used yet, but soon will be. Nothing if there is none.
  std::optional<std::uint64_t> huge_page_ahead(std::uint64_t from) const;
  /// Gives kHugePageBytes from `offset` on, a multiple of them, their memory in one page. May be called by
  /// another thread, whatever is done to the arena meanwhile; takes a millisecond or less if nothing of the
  /// range is used, and several in which whoever uses it waits if all of it is.
  HugePage make_huge(std::uint64_t offset) const;

  // -- changing; each within a Transaction

  void set(Word64& word, std::uint64_t value) {
    next_record() = whole_record(word);
    commit_records(1);
    store_racing_halves(word, value);
    std::atomic_signal_fence(std::memory_order_seq_cst);
  }
  void set(std::uint32_t& word, std::uint32_t value) { set_known(word, word, value); }
  /// As set() of a word that is known to hold `old_value`: it is not read, so that nothing waits for memory
  /// that is not in the processor's caches.
  void set_known(std::uint32_t& word, std::uint32_t old_value, std::uint32_t value) {
    next_record() = half_record(word, old_value);
    commit_records(1);
    store_racing(word, value);
    std::atomic_signal_fence(std::memory_order_seq_cst);
  }
  /// Several notes that become valid at once, which costs less than one by one. What was noted may be stored
  /// after commit(). At most kNotesMax.
  class Group {
   public:
    static constexpr std::uint32_t kNotesMax = 8;

    explicit Group(Arena& arena) : arena_(arena), next_(&arena.next_record(kNotesMax)) {}
    void note(const Word64& word) { next_[count_++] = arena_.whole_record(word); }
    void note_known(const std::uint32_t& word, std::uint32_t old_value) {
      next_[count_++] = arena_.half_record(word, old_value);
    }
    void commit() { arena_.commit_records(count_); }

   private:
    Arena& arena_;
    JournalRecord* next_;
    std::uint32_t count_ = 0;
  };

  void set_byte(std::uint8_t& cell, std::uint8_t value) {
    note(&cell);
    store_racing(cell, value);
    std::atomic_signal_fence(std::memory_order_seq_cst);
  }
  /// Notes the eight bytes at `place` without changing them: for what is overwritten as raw bytes afterwards.
  void note(const void* place) {
    write_record(next_record(), place);
    commit_records(1);
  }
  // -- before a transaction changes what readers look at: an entry's kind, version, deadline, sizes or bytes,
  //    its slots, or its way through the index

  /// Entries in the bucket with this number, of whatever index.
  void disturb(std::uint64_t bucket) {
    std::uint32_t& word = flux_[bucket % kFluxWords];
    if ((word & 1) != 0) return;
    if (disturbed_count_ == disturbed_.size()) return disturb_all();
    disturbed_[disturbed_count_++] = static_cast<std::uint16_t>(bucket % kFluxWords);
    begin_flux(word);
  }
  /// Any entries.
  void disturb_all() {
    disturbs_widely_ = true;
    if ((sharing().wide_flux & 1) == 0) begin_flux(sharing().wide_flux);
  }
  /// What caches there are, or that one is being cleared.
  void disturb_catalog() {
    disturbs_widely_ = true;
    if ((sharing().catalog_flux & 1) == 0) begin_flux(sharing().catalog_flux);
  }

  /// Each transaction that is in no other one has its own.
  std::uint64_t transaction_number() const { return transaction_number_; }
  /// Notes and overwrites at most kOverwriteMax bytes of the body of an entry.
  void overwrite(char* place, const char* bytes, std::uint64_t count);
  static constexpr std::uint64_t kOverwriteMax = 1'024;

 private:
  friend class Transaction;

  Arena(int fd, char* base, std::uint64_t bytes);
  static Made map(int fd, std::uint64_t bytes, bool is_copy);
  static Made attach_as(int fd, bool is_copy);
  bool initialize();
  std::uint64_t offset_of(const void* place) const {
    return static_cast<std::uint64_t>(static_cast<const char*>(place) - base_);
  }
  JournalRecord& next_record(std::uint32_t wanted = 1) const {
    const std::uint32_t count = header().journal_count;
    if (count + wanted > kJournalRecords) journal_full();
    return journal_[count];
  }
  JournalRecord whole_record(const Word64& word) const { return {offset_of(&word), word}; }
  JournalRecord half_record(const std::uint32_t& word, std::uint32_t old_value) const {
    return {offset_of(&word) | JournalRecord::kHalf, old_value};
  }
  void write_record(JournalRecord& record, const void* place) const {
    record.offset = std::min(offset_of(place), bytes_ - sizeof record.old_bytes);
    std::memcpy(&record.old_bytes, base_ + record.offset, sizeof record.old_bytes);
  }
  /// Records count from here on, and not before they are whole.
  void commit_records(std::uint32_t count) const {
    std::atomic_signal_fence(std::memory_order_seq_cst);
    header().journal_count += count;
    std::atomic_signal_fence(std::memory_order_seq_cst);
  }
  bool roll_back();
  [[noreturn]] static void journal_full();
  void end_transaction() {
    std::atomic_signal_fence(std::memory_order_seq_cst);
    header().journal_count = 0;
    std::atomic_signal_fence(std::memory_order_seq_cst);
    ++transaction_number_;
    settle();
  }

  SharingHead& sharing() const { return *reinterpret_cast<SharingHead*>(base_ + HeadParts::kSharing); }
  static void begin_flux(std::uint32_t& word) {
    store_racing(word, word + 1);
    std::atomic_thread_fence(std::memory_order_release);
  }
  static void end_flux(std::uint32_t& word) {
    if ((word & 1) != 0) __atomic_store_n(&word, word + 1, __ATOMIC_RELEASE);
  }
  void settle() {
    while (disturbed_count_ > 0) end_flux(flux_[disturbed_[--disturbed_count_]]);
    if (!disturbs_widely_) return;
    disturbs_widely_ = false;
    end_flux(sharing().wide_flux);
    end_flux(sharing().catalog_flux);
  }
  /// What a process that died has left disturbed.
  void settle_all();

  int fd_;
  char* base_;
  std::uint64_t bytes_;
  unsigned page_shift_ = 0;
  std::uint32_t pages_ = 0;
  std::uint32_t first_page_ = 0;
  PageClasses classes_;
  JournalRecord* journal_ = nullptr;
  Ref* cache_refs_ = nullptr;
  PageRecord* page_records_ = nullptr;
  std::uint8_t* page_classes_ = nullptr;
  std::uint32_t* flux_ = nullptr;
  std::array<std::uint16_t, 16> disturbed_{};  ///< words that the present transaction has made odd
  std::size_t disturbed_count_ = 0;
  bool disturbs_widely_ = false;  ///< has made one of the other two odd
  bool serves_readers_ = false;
  unsigned transaction_depth_ = 0;
  std::uint64_t transaction_number_ = 1;
  bool is_attached_ = false;
  bool was_closed_cleanly_ = false;
  std::uint64_t words_rolled_back_ = 0;
};

/// A change that happens whole or not at all. One within another is part of it. What it may change is bounded
/// by kJournalRecords words: loops over entries end one and begin the next.
class Transaction {
 public:
  explicit Transaction(Arena& arena) : arena_(arena) { ++arena_.transaction_depth_; }
  ~Transaction() {
    if (--arena_.transaction_depth_ == 0) arena_.end_transaction();
  }
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;

 private:
  Arena& arena_;
};

}  // namespace pannier::storage
