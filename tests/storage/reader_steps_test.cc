// What a reader tells when the daemon does something between any two of its looks at the arena. The mapping
// is made inaccessible, so that each access traps; there the test does what the daemon might.
#if defined(__x86_64__) && !defined(__SANITIZE_THREAD__)

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <fstream>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "storage/page_classes.h"
#include "storage/shared_reader.h"
#include "tests/storage/catalog_fixture.h"

namespace pannier::storage {
namespace {

/// Runs something with a handler before each access to a region.
class Accesses {
 public:
  using Before = std::function<void(int number)>;

  Accesses(void* base, std::size_t bytes) : base_(base), bytes_(bytes) {
    current = this;
    handle(SIGSEGV, touched, handled_before_[0]);
    handle(SIGTRAP, stepped, handled_before_[1]);
  }
  ~Accesses() {
    sigaction(SIGSEGV, &handled_before_[0], nullptr);
    sigaction(SIGTRAP, &handled_before_[1], nullptr);
  }
  Accesses(const Accesses&) = delete;
  Accesses& operator=(const Accesses&) = delete;

  void* end() const { return static_cast<char*>(base_) + bytes_; }

  /// How many there were.
  template <typename Body>
  int watch(const Body& body, Before before) {
    before_access_ = std::move(before);
    number_ = 0;
    protect(PROT_NONE);
    body();
    protect(PROT_READ);
    return number_;
  }

 private:
  static constexpr greg_t kStep = 0x100;  ///< a trap after the next instruction

  static void handle(int number, void (*handler)(int, siginfo_t*, void*), struct sigaction& before) {
    struct sigaction action {};
    action.sa_sigaction = handler;
    action.sa_flags = SA_SIGINFO;
    sigaction(number, &action, &before);
  }
  void protect(int access) { mprotect(base_, bytes_, access); }
  static greg_t& flags(void* context) {
    return static_cast<ucontext_t*>(context)->uc_mcontext.gregs[REG_EFL];
  }
  static void touched(int, siginfo_t* info, void* context) {
    const auto* const place = static_cast<const char*>(info->si_addr);
    const auto* const base = static_cast<const char*>(current->base_);
    if (place < base || place >= base + current->bytes_) {
      // Once more, and to its end.
      signal(SIGSEGV, SIG_DFL);
      return;
    }
    current->before_access_(current->number_++);
    current->protect(PROT_READ);
    flags(context) |= kStep;
  }
  static void stepped(int, siginfo_t*, void* context) {
    flags(context) &= ~kStep;
    current->protect(PROT_NONE);
  }

  static inline Accesses* current = nullptr;
  void* const base_;
  const std::size_t bytes_;
  std::array<struct sigaction, 2> handled_before_{};
  Before before_access_;
  int number_ = 0;
};

/// Where this process has mapped memory for reading alone that it shares.
std::pair<void*, std::size_t> read_only_mapping(std::size_t bytes) {
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    void* begin = nullptr;
    void* end = nullptr;
    char access[5] = {};
    if (std::sscanf(line.c_str(), "%p-%p %4s", &begin, &end, access) != 3) continue;
    if (std::string_view(access) == "r--s" && end == static_cast<char*>(begin) + bytes) return {begin, bytes};
  }
  return {nullptr, 0};
}

class ReaderStepsTest : public CatalogFixture {
 protected:
  using Outcome = SharedReader::Outcome;
  static constexpr std::uint64_t kBytes = 16 * kMiB;

  ReaderStepsTest() {
    start({.memory_bytes_max = kBytes});
    catalog_->arena().serve_readers(kNow - monotonic());
    // Handlers run where the reader was: not in the middle of an allocation.
    value_.reserve(100'000);
    map();
  }
  static TimeMs monotonic() {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return std::int64_t{now.tv_sec} * 1'000 + now.tv_nsec / 1'000'000;
  }
  void map() {
    accesses_.reset();
    reader_.reset();
    auto made = SharedReader::map(catalog_->arena().open_for_reading());
    reader_ = std::get<std::unique_ptr<SharedReader>>(std::move(made));
    const auto [base, bytes] = read_only_mapping(catalog_->arena().bytes());
    ASSERT_NE(base, nullptr);
    accesses_ = std::make_unique<Accesses>(base, bytes);
  }
  SharedReader::CacheAt at(std::string_view name) const {
    SharedReader::CacheAt cache;
    EXPECT_TRUE(reader_->find_cache(name, cache)) << name;
    return cache;
  }
  int get(const SharedReader::CacheAt& cache, std::string_view key, Accesses::Before before) {
    return accesses_->watch([&] { outcome_ = reader_->get(cache, key, {value_}, seen_); }, std::move(before));
  }
  std::string told() const {
    if (outcome_ == Outcome::kHit) return value_;
    return outcome_ == Outcome::kAbsent ? "(absent)" : "(unclear)";
  }

  struct Change {
    std::function<void()> make;
    std::string after;  ///< what is told of the key then
  };
  /// With the two changes before any two accesses.
  void expect_right(std::string_view key, const std::string& before, const Change& first,
                    const Change& second, const std::function<void()>& undo) {
    const SharedReader::CacheAt cache = at("c");
    const int accesses = get(cache, key, [](int) {});
    ASSERT_EQ(told(), before);
    int unclear = 0;
    // Of a long value, not before each of its words.
    const int stride = 1 + accesses / 24;
    for (int i = 0; i < accesses; i += stride) {
      for (int j = i; j <= accesses; j += stride) {
        std::set<std::string> right{before};
        int made = 0;
        const auto make = [&](int until) {
          for (; made < until; ++made) {
            const Change& change = made == 0 ? first : second;
            change.make();
            right.insert(change.after);
          }
        };
        get(cache, key, [&](int number) { make(number >= j ? 2 : number >= i ? 1 : 0); });
        unclear += told() == "(unclear)";
        EXPECT_TRUE(told() == "(unclear)" || right.contains(told()))
            << i << ", " << j << " of " << accesses << ": " << told();
        make(2);
        undo();
      }
    }
    EXPECT_EQ(unclear, 0);
  }

  std::unique_ptr<SharedReader> reader_;
  std::unique_ptr<Accesses> accesses_;
  std::string value_;
  SharedReader::Seen seen_;
  Outcome outcome_{};
};

TEST_F(ReaderStepsTest, an_entry_is_there_while_the_table_grows_and_shrinks) {
  Cache& cache = open("c", {});
  const auto key = [](int i) { return "key" + std::to_string(i); };
  const auto put_some = [&](int from, int to) {
    for (int i = from; i < to; ++i) put(cache, key(i), key(i));
  };
  const auto erase_some = [&](int from, int to) {
    for (int i = from; i < to; ++i) cache.erase(key(i), std::nullopt, kNow);
  };
  put_some(0, 20);
  // Of some, the home is the one that is there for a while only.
  for (int i = 0; i < 4; ++i)
    expect_right(key(i), key(i), {[&] { put_some(20, 26); }, key(i)}, {[&] { erase_some(10, 26); }, key(i)},
                 [&] { put_some(10, 20); });
}

TEST_F(ReaderStepsTest, a_value_is_one_that_was_there) {
  Cache& cache = open("c", {});
  for (const std::size_t bytes : {6, 2'500}) {
    const std::string old(bytes, 'a');
    const std::string fresh(bytes, 'b');
    const std::string other(bytes / 2, 'c');
    put(cache, "key", old);
    expect_right("key", old, {[&] { put(cache, "key", fresh); }, fresh},
                 {[&] { put(cache, "key", other); }, other}, [&] { put(cache, "key", old); });
    expect_right("key", old,
                 {[&] { cache.erase("key", std::nullopt, kNow), put(cache, "yek", other); }, "(absent)"},
                 {[&] { put(cache, "key", fresh); }, fresh}, [&] {
                   cache.erase("yek", std::nullopt, kNow);
                   put(cache, "key", old);
                 });
  }
}

TEST_F(ReaderStepsTest, sizes_that_change_lead_nowhere_outside) {
  put(open("c", {}), "ke", "value");
  const SharedReader::CacheAt cache = at("c");
  ASSERT_EQ(reader_->get(cache, "ke", {value_}, seen_), Outcome::kHit);
  const Ref there = seen_.ref;
  Arena& arena = catalog_->arena();
  char* const base = reinterpret_cast<char*>(&arena.header());
  const unsigned shift = arena.header().page_shift;
  const std::uint64_t pages = arena.bytes() >> shift;
  // A slot that ends where the mapping does, of a page that begins fifteen pages before that.
  constexpr std::uint32_t kSlot = 60;
  constexpr std::uint32_t kPages = 15;
  const PageClasses classes(std::uint64_t{1} << shift);
  std::uint8_t number = kFirstEntryClass;
  while (classes.slot_bytes(number) != kSlot) ++number;
  const auto page = static_cast<std::uint32_t>(pages - kPages);
  const Ref ref = ref_of(page, (kPages << shift) / kSlot - 1);
  char* const entry = base + arena.bytes() - kSlot;
  std::memcpy(entry, &arena.at<Entry>(there), sizeof(Entry));
  std::string_view("ke").copy(entry + Entry::body_offset(Entry::kHasPieces), 2);
  auto& header = *reinterpret_cast<Entry*>(entry);
  const auto lead = [&](std::uint8_t page_class, Ref from, Ref to) {
    base[HeadParts(pages).classes + page] = static_cast<char>(page_class);
    // Whatever has the ref, which is the bucket, too.
    auto* const words = reinterpret_cast<Ref*>(base + (std::uint64_t{1} << shift));
    std::replace(words, words + std::size_t{64} * 1'024, from, to);
  };
  lead(number, there, ref);
  auto* const behind = accesses_->end();
  ASSERT_EQ(mmap(behind, 4'096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0), behind);
  int accesses = 1;
  for (int i = 0; i < accesses; ++i) {
    header.value_bytes = 100;
    header.key_bytes_and_shape = 2U << 16 | Entry::kHasPieces;
    accesses = get(cache, "ke", [&](int access) {
      if (access == i) header.key_bytes_and_shape = Entry::kHasDue | Entry::kHasStale | Entry::kHasSince;
    });
  }
  EXPECT_GT(accesses, 10);
  munmap(behind, 4'096);
  lead(kFreePage, ref, there);
}

TEST_F(ReaderStepsTest, for_a_size_that_is_no_longer_it_no_room_is_made) {
  constexpr std::uint32_t kOther = 3'000'000;
  const std::string value(2'500, 'a');
  put(open("c", {}), "key", value);
  const SharedReader::CacheAt cache = at("c");
  ASSERT_EQ(reader_->get(cache, "key", {value_}, seen_), Outcome::kHit);
  Arena& arena = catalog_->arena();
  auto& header = arena.at<Entry>(seen_.ref);
  const std::uint64_t number = seen_.bucket;
  auto* const flux =
      reinterpret_cast<std::uint32_t*>(reinterpret_cast<char*>(&arena.header()) + HeadParts::kFlux);
  int accesses = 1;
  for (int i = 0; i < accesses; ++i) {
    // For one access, it is another.
    accesses = get(cache, "key", [&](int access) {
      if (access != i && access != i + 1) return;
      flux[number % kFluxWords] += 2;
      header.value_bytes = access == i ? kOther : static_cast<std::uint32_t>(value.size());
    });
    header.value_bytes = static_cast<std::uint32_t>(value.size());
    EXPECT_EQ(told(), value) << i;
    ASSERT_LT(value_.capacity(), kOther) << i;
  }
  EXPECT_GT(accesses, 10);
}

TEST_F(ReaderStepsTest, of_a_cache_that_is_dropped_nothing_is_told) {
  put(open("c", {}), "key", "old");
  const int accesses = get(at("c"), "key", [](int) {});
  for (int i = 0; i < accesses; ++i) {
    for (int j = i; j < accesses; ++j) {
      get(at("c"), "key", [&](int number) {
        if (number == i) {
          catalog_->drop("c");
          while (catalog_->step(kNow, 100)) {
          }
        }
        if (number == j) put(open("c", {}), "key", "new");
      });
      EXPECT_EQ(told(), "(unclear)") << i << ", " << j;
      put(open("c", {}), "key", "old");
    }
  }
}

TEST_F(ReaderStepsTest, of_memory_that_is_let_go_nothing_is_told) {
  Cache& opened = open("c", {});
  put(opened, "lasts", "value", ttl(3'600'000));
  const SharedReader::CacheAt cache = at("c");
  int accesses = get(cache, "lasts", [](int) {});
  for (int i = 0; i < accesses; ++i) {
    map();
    get(cache, "lasts", [&](int number) {
      if (number == i) reader_->let_go();
    });
    EXPECT_EQ(told(), "(unclear)") << i;
  }
  map();
  // The catalog's time stands still, and the reader's does not.
  put(opened, "key", "value", ttl(static_cast<std::uint64_t>(reader_->now() - kNow) + 100));
  ASSERT_EQ(reader_->get(cache, "key", {value_}, seen_), Outcome::kHit);
  usleep(110'000);
  bool is_unchanged = false;
  accesses = accesses_->watch([&] { is_unchanged = reader_->is_unchanged(cache, seen_); }, [](int) {});
  EXPECT_FALSE(is_unchanged);
  for (int i = 0; i < accesses; ++i) {
    map();
    accesses_->watch([&] { is_unchanged = reader_->is_unchanged(cache, seen_); },
                     [&](int number) {
                       if (number == i) reader_->let_go();
                     });
    EXPECT_FALSE(is_unchanged) << i << ": its deadline is over";
  }
}

}  // namespace
}  // namespace pannier::storage

#endif
