#include "storage/arena.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <optional>
#include <vector>

#include "storage/address_range.h"
#include "storage/broken.h"
#include "storage/hash.h"

namespace pannier::storage {
namespace {

/// Of the system's headers since glibc 2.37.
constexpr int kAdviseCollapse = 25;
/// The smallest that a mapping can end at.
constexpr std::uint64_t kSystemPageBytes = 4'096;
/// What close_cleanly() writes; anything else, such as a damaged word, was not written by it.
constexpr std::uint32_t kClosedCleanly = 0x636c6f73;

ArenaFault system_fault(const std::string& what) {
  return {ArenaFault::Kind::kSystem, what + ": " + std::strerror(errno)};
}

ArenaFault not_an_arena(const std::string& why) {
  return {ArenaFault::Kind::kNotAnArena, "this is no arena: " + why};
}

std::optional<ArenaFault> header_fault(const ArenaHeader& header, std::uint64_t file_bytes) {
  if (header.magic != kArenaMagic) return not_an_arena("it does not begin like one");
  if (header.format != kArenaFormat) {
    return ArenaFault{ArenaFault::Kind::kOtherFormat,
                      "the arena has format " + std::to_string(header.format) + ", and this daemon knows " +
                          std::to_string(kArenaFormat)};
  }
  if (header.bytes != file_bytes || header.bytes < Arena::kBytesMin || header.bytes > Arena::kBytesMax ||
      header.page_shift != PageClasses::page_shift_for(header.bytes) ||
      header.journal_count > kJournalRecords) {
    return not_an_arena("its header does not fit its size of " + std::to_string(file_bytes) + " bytes");
  }
  return std::nullopt;
}

/// What a record of the journal says, wherever its bytes are.
struct Note {
  std::uint64_t offset;
  std::uint64_t bytes;
  const char* old_bytes;
  std::uint64_t records;
};

Note note_of(const JournalRecord& record) {
  const std::uint64_t offset = record.offset & ~(JournalRecord::kHalf | JournalRecord::kRun);
  if ((record.offset & JournalRecord::kRun) != 0) {
    const std::uint64_t bytes = std::min(record.old_bytes, Arena::kOverwriteMax);
    return {offset, bytes, reinterpret_cast<const char*>(&record + 1),
            1 + (bytes + sizeof record - 1) / sizeof record};
  }
  const std::uint64_t bytes = (record.offset & JournalRecord::kHalf) != 0 ? 4 : 8;
  return {offset, bytes, reinterpret_cast<const char*>(&record.old_bytes), 1};
}

}  // namespace

Arena::Arena(int fd, char* base, std::uint64_t bytes)
    : fd_(fd),
      base_(base),
      bytes_(bytes),
      page_shift_(PageClasses::page_shift_for(bytes)),
      pages_(static_cast<std::uint32_t>(bytes >> page_shift_)),
      classes_(std::uint64_t{1} << page_shift_) {
  const HeadParts parts(pages_);
  flux_ = reinterpret_cast<std::uint32_t*>(base_ + HeadParts::kFlux);
  journal_ = reinterpret_cast<JournalRecord*>(base_ + HeadParts::kJournal);
  cache_refs_ = reinterpret_cast<Ref*>(base_ + HeadParts::kCaches);
  page_classes_ = reinterpret_cast<std::uint8_t*>(base_ + parts.classes);
  page_records_ = reinterpret_cast<PageRecord*>(base_ + parts.records);
  first_page_ = static_cast<std::uint32_t>((parts.end + page_bytes() - 1) >> page_shift_);
}

Arena::~Arena() {
  stop_serving_readers();
  munmap(base_, bytes_);
  close(fd_);
}

Arena::Made Arena::map(int fd, std::uint64_t bytes, bool is_copy) {
  void* const base =
      map_aligned(bytes, PROT_READ | PROT_WRITE, (is_copy ? MAP_PRIVATE : MAP_SHARED) | MAP_NORESERVE, fd);
  if (base == MAP_FAILED) {
    const ArenaFault fault = system_fault("cannot map an arena of " + std::to_string(bytes) + " bytes");
    close(fd);
    return fault;
  }
  return std::unique_ptr<Arena>(new Arena(fd, static_cast<char*>(base), bytes));
}

Arena::Made Arena::create(std::uint64_t bytes) {
  // A memfd is born with mode 0777, and whoever gets hold of it could open it again for writing.
  const int fd = memfd_create("pannier-arena", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (fd < 0) return system_fault("cannot make a memfd for the arena");
  if (fchmod(fd, 0400) != 0) {
    const ArenaFault fault = system_fault("cannot close the arena to others");
    close(fd);
    return fault;
  }
  Made made = create_in(fd, bytes);
  if (auto* arena = std::get_if<std::unique_ptr<Arena>>(&made)) {
    if (fcntl((*arena)->fd(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0)
      return system_fault("cannot seal the size of the arena");
  }
  return made;
}

Arena::Made Arena::create_in(int fd, std::uint64_t bytes) {
  const unsigned shift = PageClasses::page_shift_for(bytes);
  bytes = bytes >> shift << shift;
  if (ftruncate(fd, static_cast<off_t>(bytes)) != 0) {
    const ArenaFault fault = system_fault("cannot make an arena of " + std::to_string(bytes) + " bytes");
    close(fd);
    return fault;
  }
  Made made = map(fd, bytes, false);
  if (auto* arena = std::get_if<std::unique_ptr<Arena>>(&made)) {
    if (!(*arena)->initialize()) return system_fault("the system has no memory for the head of the arena");
  }
  return made;
}

bool Arena::initialize() {
  for (std::uint32_t page = 0; page < first_page_; ++page) {
    if (!populate(page)) return false;
  }
  ArenaHeader& head = header();
  head.format = kArenaFormat;
  head.page_shift = page_shift_;
  head.bytes = bytes_;
  head.hash_seed = random_seed();
  head.version_next = 1;
  head.versions_bound = 1;
  head.fresh_page = first_page_;
  head.read_by = kReadByNobody;
  // Not 0, which is what a reader finds in memory that was taken away from it.
  std::fill_n(flux_, kFluxWords, 2);
  sharing().catalog_flux = sharing().wide_flux = 2;
  std::atomic_signal_fence(std::memory_order_seq_cst);
  // Last: what died before is an empty file, and not an arena.
  head.magic = kArenaMagic;
  return true;
}

Arena::Made Arena::attach(int fd) { return attach_as(fd, false); }

Arena::Made Arena::attach_copy(int fd) { return attach_as(fd, true); }

Arena::Made Arena::attach_as(int fd, bool is_copy) {
  struct stat status {};
  if (fstat(fd, &status) != 0) {
    const ArenaFault fault = system_fault("cannot look at the arena");
    close(fd);
    return fault;
  }
  const auto bytes = static_cast<std::uint64_t>(status.st_size);
  if (bytes < kBytesMin || bytes > kBytesMax) {
    close(fd);
    return not_an_arena("it has " + std::to_string(bytes) + " bytes");
  }
  Made made = map(fd, bytes, is_copy);
  auto* arena = std::get_if<std::unique_ptr<Arena>>(&made);
  if (arena == nullptr) return made;
  if (auto fault = header_fault((*arena)->header(), bytes)) return *std::move(fault);
  (*arena)->is_attached_ = true;
  (*arena)->was_closed_cleanly_ = (*arena)->header().is_closed_cleanly == kClosedCleanly;
  if (!(*arena)->roll_back()) return not_an_arena("its journal points out of it");
  (*arena)->header().is_closed_cleanly = 0;
  return made;
}

bool Arena::roll_back() {
  words_rolled_back_ = header().journal_count;
  // A copy: what a damaged record points at may be itself, or one before it.
  const std::vector<JournalRecord> records(journal_, journal_ + words_rolled_back_);
  std::vector<Note> notes;
  for (std::uint64_t i = 0; i < records.size(); i += notes.back().records) {
    const Note note = note_of(records[i]);
    const bool is_inside = note.bytes <= bytes_ && note.offset <= bytes_ - note.bytes;
    if (!is_inside || note.records > records.size() - i) return false;
    notes.push_back(note);
  }
  // From the last to the first, so that a word that was set twice gets its first value. To die in here is no
  // harm: the next process does it again.
  for (auto note = notes.rbegin(); note != notes.rend(); ++note) {
    std::memcpy(base_ + note->offset, note->old_bytes, note->bytes);
  }
  end_transaction();
  settle_all();
  return true;
}

void Arena::close_cleanly() {
  stop_serving_readers();
  header().is_closed_cleanly = kClosedCleanly;
}

void Arena::settle_all() {
  for (std::uint32_t i = 0; i < kFluxWords; ++i) end_flux(flux_[i]);
  end_flux(sharing().wide_flux);
  end_flux(sharing().catalog_flux);
}

void Arena::serve_readers(std::int64_t clock_offset_ms) {
  // What is there may be the lock of a process that died; nobody else can hold it (arena_keeper.h).
  pthread_mutexattr_t attributes;
  pthread_mutexattr_init(&attributes);
  pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
  pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
  pthread_mutex_init(&sharing().server, &attributes);
  pthread_mutexattr_destroy(&attributes);
  sharing().clock_offset_ms = clock_offset_ms;
  ++sharing().servers;
  std::atomic_thread_fence(std::memory_order_release);
  if (pthread_mutex_lock(&sharing().server) != 0) broken("a new mutex cannot be locked");
  serves_readers_ = true;
}

void Arena::stop_serving_readers() {
  if (!serves_readers_) return;
  pthread_mutex_unlock(&sharing().server);
  serves_readers_ = false;
}

void Arena::note_readers(std::uint32_t who) {
  std::uint32_t& read_by = header().read_by;
  if (read_by == kReadByNobody) read_by = who;
  if (read_by != who) read_by = 0;
}

int Arena::open_for_reading() const {
  return open(("/proc/self/fd/" + std::to_string(fd_)).c_str(), O_RDONLY | O_CLOEXEC);
}

bool Arena::populate(std::uint32_t page) {
  char* const start = base_ + (std::uint64_t{page} << page_shift_);
  // Makes the memory now, and says so if there is none: later it would be a SIGBUS.
  if (madvise(start, page_bytes(), MADV_POPULATE_WRITE) == 0) return true;
  // It may be touched no more than any address behind the end of a file.
  if (errno == EFAULT) errno = ENOSPC;
  if (errno != EINVAL) return false;
  // Kernels before 5.14.
  errno = posix_fallocate(fd_, static_cast<off_t>(std::uint64_t{page} << page_shift_),
                          static_cast<off_t>(page_bytes()));
  return errno == 0;
}

std::optional<std::uint64_t> Arena::huge_page_ahead(std::uint64_t from) const {
  constexpr std::uint64_t kRangesAhead = 1;
  const std::uint64_t used = std::uint64_t{header().fresh_page} << page_shift_;
  const std::uint64_t unused = (used + kHugePageBytes - 1) / kHugePageBytes * kHugePageBytes;
  const std::uint64_t offset = std::max(from, unused);
  const bool is_near = offset < unused + kRangesAhead * kHugePageBytes;
  if (!is_near || offset + kHugePageBytes > bytes_) return std::nullopt;
  return offset;
}

Arena::HugePage Arena::make_huge(std::uint64_t offset) const {
  // A range without any memory is refused.
  if (madvise(base_ + offset, kSystemPageBytes, MADV_POPULATE_WRITE) != 0) {
    return errno == EINVAL ? HugePage::kImpossible : HugePage::kNotNow;
  }
  if (madvise(base_ + offset, kHugePageBytes, kAdviseCollapse) == 0) return HugePage::kMade;
  return errno == EINVAL ? HugePage::kImpossible : HugePage::kNotNow;
}

void Arena::overwrite(char* place, const char* bytes, std::uint64_t count) {
  if (count == 0) return;
  const auto records =
      static_cast<std::uint32_t>(1 + (count + sizeof(JournalRecord) - 1) / sizeof(JournalRecord));
  JournalRecord* const record = &next_record(records);
  *record = {offset_of(place) | JournalRecord::kRun, count};
  std::memcpy(record + 1, place, count);
  commit_records(records);
  write_racing(place, bytes, count);
  std::atomic_signal_fence(std::memory_order_seq_cst);
}

void Arena::journal_full() { broken("a transaction is longer than the journal"); }

}  // namespace pannier::storage
