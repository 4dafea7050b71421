#include "tests/storage/write_trap.h"

#include <sys/mman.h>
#include <ucontext.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <cstring>

namespace pannier::storage {
namespace {

constexpr std::size_t kPageBytes = 4'096;
constexpr std::size_t kNotesBytes = std::size_t{1} << 30;  ///< none of it is taken before it is used
constexpr std::size_t kToldMax = 16;
constexpr std::size_t kPagesAtOnce = 8;
constexpr greg_t kTrapFlag = 0x100;

char* shared(std::size_t bytes) {
  void* place =
      mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (place == MAP_FAILED) std::abort();
  return static_cast<char*>(place);
}

/// The signal handlers' only way to their trap; the child has one thread.
WriteTrap* active = nullptr;

}  // namespace

struct WriteTrap::Head {
  std::uint64_t states;
  std::uint64_t used_bytes;
  std::uint64_t is_ended;
  std::uint64_t is_full;
  std::array<std::uint64_t, kToldMax> told;
};

struct WriteTrap::Handlers {
  /// Pages that the present instruction has asked for.
  static inline std::array<std::size_t, kPagesAtOnce> open{};
  static inline std::size_t open_count = 0;

  static void fault(int, siginfo_t* info, void* context) {
    WriteTrap& trap = *active;
    const char* const place = static_cast<const char*>(info->si_addr);
    const bool is_ours = place >= trap.base_ && place < trap.base_ + trap.bytes_ && open_count < kPagesAtOnce;
    if (!is_ours) {
      // The instruction is tried again, and ends the process.
      std::signal(SIGSEGV, SIG_DFL);
      return;
    }
    const auto page = static_cast<std::size_t>(place - trap.base_) / kPageBytes;
    open[open_count++] = page;
    trap.protect(page, true);
    static_cast<ucontext_t*>(context)->uc_mcontext.gregs[REG_EFL] |= kTrapFlag;
  }

  static void done(int, siginfo_t*, void* context) {
    WriteTrap& trap = *active;
    const std::uint64_t count_at = trap.head_->used_bytes;
    trap.head_->used_bytes += sizeof(std::uint32_t);
    const std::uint64_t before = trap.head_->used_bytes;
    for (std::size_t i = 0; i < open_count; ++i) {
      trap.note_page(open[i]);
      trap.protect(open[i], false);
    }
    open_count = 0;
    constexpr std::size_t kNote = sizeof(std::uint32_t) + kBlockBytes;
    const auto blocks = static_cast<std::uint32_t>((trap.head_->used_bytes - before) / kNote);
    std::memcpy(trap.notes_ + count_at, &blocks, sizeof blocks);
    // What was written was there before: the same state.
    if (blocks == 0) trap.head_->used_bytes = count_at;
    if (blocks > 0) ++trap.head_->states;
    static_cast<ucontext_t*>(context)->uc_mcontext.gregs[REG_EFL] &= ~kTrapFlag;
  }

  static void install() {
    struct sigaction action {};
    action.sa_flags = SA_SIGINFO;
    action.sa_sigaction = fault;
    sigaction(SIGSEGV, &action, nullptr);
    action.sa_sigaction = done;
    sigaction(SIGTRAP, &action, nullptr);
  }
};

WriteTrap::WriteTrap(std::size_t bytes)
    : bytes_(bytes),
      head_(reinterpret_cast<Head*>(shared(sizeof(Head)))),
      start_(shared(bytes)),
      notes_(shared(kNotesBytes)),
      shadow_(shared(bytes)) {}

WriteTrap::~WriteTrap() {
  munmap(head_, sizeof(Head));
  munmap(start_, bytes_);
  munmap(notes_, kNotesBytes);
  munmap(shadow_, bytes_);
}

void WriteTrap::begin(char* base) {
  base_ = base;
  active = this;
  std::memcpy(start_, base, bytes_);
  std::memcpy(shadow_, base, bytes_);
  Handlers::install();
  mprotect(base_, bytes_, PROT_READ);
}

void WriteTrap::end() {
  mprotect(base_, bytes_, PROT_READ | PROT_WRITE);
  head_->is_ended = 1;
}

std::uint64_t& WriteTrap::told(std::size_t number) { return head_->told.at(number); }

bool WriteTrap::is_whole() const { return head_->is_ended != 0 && head_->is_full == 0; }

std::uint64_t WriteTrap::states() const { return head_->states; }

void WriteTrap::protect(std::size_t page, bool may_write) {
  mprotect(base_ + page * kPageBytes, kPageBytes, may_write ? PROT_READ | PROT_WRITE : PROT_READ);
}

void WriteTrap::note_page(std::size_t page) {
  for (std::size_t offset = page * kPageBytes; offset < (page + 1) * kPageBytes; offset += kBlockBytes) {
    if (std::memcmp(base_ + offset, shadow_ + offset, kBlockBytes) == 0) continue;
    std::memcpy(shadow_ + offset, base_ + offset, kBlockBytes);
    const auto word = static_cast<std::uint32_t>(offset);
    if (head_->used_bytes + sizeof word + kBlockBytes + kPageBytes > kNotesBytes) {
      head_->is_full = 1;
      return;
    }
    std::memcpy(notes_ + head_->used_bytes, &word, sizeof word);
    std::memcpy(notes_ + head_->used_bytes + sizeof word, base_ + offset, kBlockBytes);
    head_->used_bytes += sizeof word + kBlockBytes;
  }
}

bool WriteTrap::next_state(std::size_t& cursor, const Change& change) const {
  if (cursor >= head_->used_bytes) return false;
  std::uint32_t blocks = 0;
  std::memcpy(&blocks, notes_ + cursor, sizeof blocks);
  cursor += sizeof blocks;
  for (; blocks > 0; --blocks) {
    std::uint32_t offset = 0;
    std::memcpy(&offset, notes_ + cursor, sizeof offset);
    change(offset, notes_ + cursor + sizeof offset);
    cursor += sizeof offset + kBlockBytes;
  }
  return true;
}

}  // namespace pannier::storage
