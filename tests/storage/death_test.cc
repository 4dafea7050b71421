// A process may die at any instruction. For each mutation: a process is forked that makes it, and every state
// that the arena was in meanwhile is taken over as the next process would. It must be sound, and hold what it
// held before the mutation or after it.
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <iostream>
#include <optional>
#include <string_view>

#include "storage/check.h"
#include "storage/takeover.h"
#include "tests/storage/death_mutations.h"
#include "tests/storage/death_world.h"
#include "tests/storage/write_trap.h"

namespace pannier::storage {
namespace {

constexpr std::size_t kBytes = Arena::kBytesMin;
/// What readers are told, and the journal, which says what is taken back, are no content.
constexpr std::size_t kNoContent = HeadParts::kSharing;
constexpr std::size_t kNoContentEnd = HeadParts::kJournal + kJournalRecords * sizeof(JournalRecord);

int memfd_of(const char* image) {
  const int fd = memfd_create("death", MFD_CLOEXEC);
  EXPECT_EQ(ftruncate(fd, static_cast<off_t>(kBytes)), 0);
  if (image != nullptr) {
    EXPECT_EQ(pwrite(fd, image, kBytes, 0), static_cast<ssize_t>(kBytes));
  }
  return fd;
}

/// Runs in a child; whether it came to its end.
template <typename Work>
bool in_child(Work work) {
  std::cout.flush();
  const pid_t child = fork();
  if (child == 0) {
    work();
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

std::string prepare(Prepared prepared, std::uint64_t seed) {
  const int fd = memfd_of(nullptr);
  const bool is_filled = in_child([&] {
    const int other = memfd_create("death", MFD_CLOEXEC);
    World world(std::get<std::unique_ptr<Arena>>(Arena::create_in(other, kBytes)));
    // So that a run can be repeated.
    world.arena->header().hash_seed = seed;
    world.fill(prepared, seed);
    std::string image(kBytes, '\0');
    if (pread(other, image.data(), kBytes, 0) != static_cast<ssize_t>(kBytes)) _exit(1);
    if (pwrite(fd, image.data(), kBytes, 0) != static_cast<ssize_t>(kBytes)) _exit(1);
  });
  EXPECT_TRUE(is_filled);
  std::string image(kBytes, '\0');
  EXPECT_EQ(pread(fd, image.data(), kBytes, 0), static_cast<ssize_t>(kBytes));
  close(fd);
  return image;
}

/// The arena that a dead process has left, as it goes from state to state.
class Remains : public ChangeListener {
 public:
  explicit Remains(const char* image) : fd_(memfd_of(image)) {
    void* const place = mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd_, 0);
    bytes_ = static_cast<char*>(place);
  }
  ~Remains() override {
    munmap(bytes_, kBytes);
    close(fd_);
  }
  Remains(const Remains&) = delete;
  Remains& operator=(const Remains&) = delete;

  void changed(const Cache&, std::string_view, Change) override {}
  char* bytes() { return bytes_; }

  /// What is in it after it was taken over; nothing if it equals what was taken over the last time.
  std::optional<Content> take_over_if_new(std::string& fault) {
    Arena::Made made = Arena::attach_copy(dup(fd_));
    if (const auto* failed = std::get_if<ArenaFault>(&made)) {
      fault = failed->text;
      return std::nullopt;
    }
    auto arena = std::get<std::unique_ptr<Arena>>(std::move(made));
    if (!note_if_new(reinterpret_cast<const char*>(&arena->header()))) return std::nullopt;
    auto result = storage::take_over(death_options(), *this, std::move(arena), Arena::create, kDeathNow);
    auto& took = std::get<TookOver>(result);
    const bool is_kept =
        took.how.kind == Takeover::Kind::kAfterCrash || took.how.kind == Takeover::Kind::kClean;
    if (!is_kept) fault = took.how.text;
    if (auto found = Check::fault_of(*took.catalog); found && fault.empty()) fault = *found;
    return Content::of(*took.catalog);
  }

 private:
  bool note_if_new(const char* rolled_back) {
    const auto same = [&](std::size_t from, std::size_t to) {
      return !latest_.empty() && std::memcmp(latest_.data() + from, rolled_back + from, to - from) == 0;
    };
    if (same(0, kNoContent) && same(kNoContentEnd, kBytes)) return false;
    latest_.assign(rolled_back, kBytes);
    return true;
  }

  int fd_;
  char* bytes_;
  std::string latest_;
};

/// Judges the contents of the states between `before` and `after`.
class Judge {
 public:
  Judge(const Mutation& mutation, const Content& before, const Content& after)
      : mutation_(mutation), before_(before), after_(after), is_new_(before.seen.size()) {}

  std::string fault_of(const Content& now) {
    if (now.version_last < version_last_) return "versions went back";
    version_last_ = now.version_last;
    bool is_some_old = false;
    bool is_some_new = false;
    for (std::size_t i = 0; i < now.seen.size(); ++i) {
      if (before_.seen[i] == after_.seen[i] && now.seen[i] == before_.seen[i]) continue;
      const bool is_old = now.seen[i] == before_.seen[i];
      if (!is_old && now.seen[i] != after_.seen[i]) return Content::name_of(i) + " is neither old nor new";
      if (is_old && is_new_[i]) return Content::name_of(i) + " is old again";
      if (now.seen[i].version > now.version_last) return Content::name_of(i) + " has a version of the future";
      is_new_[i] = !is_old;
      (is_old ? is_some_old : is_some_new) = true;
    }
    if (mutation_.promise == Promise::kWhole && is_some_old && is_some_new) return "it is half done";
    return mutation_.promise == Promise::kEvicts ? fault_of_order(now) : "";
  }

 private:
  /// What was evicted is the oldest of what the whole mutation evicts, and what it is about comes last.
  std::string fault_of_order(const Content& now) const {
    Version newest_gone = 0;
    Version oldest_there = kVersionMax;
    bool is_written = false;
    for (std::size_t i = 0; i < now.seen.size(); ++i) {
      if (before_.seen[i] == after_.seen[i]) continue;
      // Clean durable entries go too, in the order in which they became clean.
      if (Content::is_durable(i)) continue;
      const bool leaves = after_.seen[i].version == 0;
      if (!leaves) is_written = is_written || is_new_[i];
      if (leaves && is_new_[i]) newest_gone = std::max(newest_gone, before_.seen[i].version);
      if (leaves && !is_new_[i]) oldest_there = std::min(oldest_there, before_.seen[i].version);
    }
    if (newest_gone > oldest_there) return "a newer entry was evicted before an older one";
    if (is_written && oldest_there != kVersionMax) return "it was written before there was room";
    return "";
  }

  const Mutation& mutation_;
  const Content& before_;
  const Content& after_;
  std::vector<bool> is_new_;
  Version version_last_ = 0;
};

/// Builds without NDEBUG, which those with sanitizers are, take over every ninth state, for they take far
/// longer; all the others take over each.
#if defined(NDEBUG)
constexpr std::uint64_t kStatesACheck = 1;
#else
constexpr std::uint64_t kStatesACheck = 9;
#endif

struct Tally {
  std::uint64_t states = 0;
  std::uint64_t distinct = 0;
};

class Death : public testing::TestWithParam<Mutation> {
 protected:
  /// Runs the mutation in a child, under the trap.
  static bool run(const Mutation& mutation, const std::string& image, WriteTrap& trap) {
    const int fd = memfd_of(image.data());
    const bool is_done = in_child([&] {
      World world(std::get<std::unique_ptr<Arena>>(Arena::attach(dup(fd))));
      char* const base = reinterpret_cast<char*>(&world.arena->header());
      if (mutation.setup) mutation.setup(world);
      const std::uint64_t evicted = world.told[static_cast<std::size_t>(Change::kEvicted)];
      const std::uint64_t moved = mutation.is_making ? 0 : world.catalog().arena_stats().moved_entries;
      trap.begin(base);
      mutation.run(world);
      trap.end();
      trap.told(0) = world.told[static_cast<std::size_t>(Change::kEvicted)] - evicted;
      trap.told(1) = world.catalog().arena_stats().moved_entries - moved;
    });
    close(fd);
    return is_done && trap.is_whole();
  }

  static void check(const Mutation& mutation, const WriteTrap& trap, Tally& tally) {
    Remains remains(trap.start());
    std::string fault;
    const std::optional<Content> before = remains.take_over_if_new(fault);
    ASSERT_EQ(fault, "") << "before it began";
    const Content after = content_after(trap);
    EXPECT_EQ(before->seen != after.seen, mutation.changes) << "what a program sees";
    Judge judge(mutation, *before, after);
    std::size_t cursor = 0;
    const auto apply = [&](std::size_t offset, const char* block) {
      std::memcpy(remains.bytes() + offset, block, WriteTrap::kBlockBytes);
    };
    while (trap.next_state(cursor, apply)) {
      if (++tally.states % kStatesACheck != 0) continue;
      const std::optional<Content> now = remains.take_over_if_new(fault);
      if (fault.empty() && now) fault = judge.fault_of(*now);
      ASSERT_EQ(fault, "") << "after write " << tally.states << " of " << trap.states();
      if (now) ++tally.distinct;
    }
  }

  static Content content_after(const WriteTrap& trap) {
    Remains last(trap.start());
    std::size_t cursor = 0;
    while (trap.next_state(cursor, [&](std::size_t offset, const char* block) {
      std::memcpy(last.bytes() + offset, block, WriteTrap::kBlockBytes);
    })) {
    }
    std::string fault;
    Content content = *last.take_over_if_new(fault);
    EXPECT_EQ(fault, "") << "after the end";
    return content;
  }
};

TEST_P(Death, at_any_instruction_leaves_it_done_or_not_done) {
  const Mutation& mutation = GetParam();
  const char* given = std::getenv("PANNIER_LONG");
  const std::uint64_t seeds = given != nullptr && std::string_view(given) == "1" ? 10 : 1;
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    const std::string image = prepare(mutation.prepared, seed);
    WriteTrap trap(kBytes);
    ASSERT_TRUE(run(mutation, image, trap)) << "the process that makes it failed";
    Tally tally;
    check(mutation, trap, tally);
    std::cout << mutation.name << ": " << tally.states << " writes, " << tally.distinct
              << " different states after a take-over, " << trap.told(0) << " evicted, " << trap.told(1)
              << " moved\n";
    if (HasFatalFailure()) return;
    EXPECT_GT(tally.states, 0U);
    const bool must_evict = mutation.promise == Promise::kEvicts;
    EXPECT_GE(trap.told(0), must_evict ? 1U : 0U) << "it was to evict";
    EXPECT_GE(trap.told(1), mutation.must_move ? 1U : 0U) << "it was to move entries";
  }
}

INSTANTIATE_TEST_SUITE_P(All, Death, testing::ValuesIn(all_mutations()),
                         [](const auto& made) { return made.param.name; });

}  // namespace
}  // namespace pannier::storage
