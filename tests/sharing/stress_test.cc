// Readers against a writer at full speed that puts, deletes, resizes, lets expire, and moves: no read may be
// torn, foreign, stale, or expired, and nothing that is there may be missing. As processes, as threads (for
// the thread sanitizer), and with the writer killed again and again.
//
// PANNIER_SHARED_READS is how many reads there are to be: ten million, if nothing is said, and fewer where
// sanitizers make them slow.
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <ctime>
#include <memory>
#include <new>
#include <random>
#include <thread>
#include <vector>

#include "storage/catalog.h"
#include "storage/shared_reader.h"
#include "storage/takeover.h"
#include "tests/sharing/ledger.h"

namespace pannier::tests {
namespace {

using namespace storage;

constexpr std::uint64_t kArenaBytes = std::uint64_t{48} << 20;
constexpr unsigned kReaders = 2;

#ifdef NDEBUG
constexpr std::uint64_t kReads = 10'000'000;
#else
constexpr std::uint64_t kReads = 500'000;
#endif

/// Until somebody says that it is over.
constexpr std::uint64_t kEndless = ~std::uint64_t{0};

std::uint64_t reads_wanted() {
  const char* const text = std::getenv("PANNIER_SHARED_READS");
  return text == nullptr ? kReads : std::strtoull(text, nullptr, 10);
}

std::int64_t monotonic_ms() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return std::int64_t{now.tv_sec} * 1'000 + now.tv_nsec / 1'000'000;
}

class NoListener : public ChangeListener {
  void changed(const Cache&, std::string_view, Change) override {}
};

/// In memory that processes share.
class SharedLedger {
 public:
  SharedLedger()
      : place_(mmap(nullptr, sizeof(Ledger), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0)),
        ledger_(new (place_) Ledger{}) {}
  ~SharedLedger() { munmap(place_, sizeof(Ledger)); }
  SharedLedger(const SharedLedger&) = delete;
  SharedLedger& operator=(const SharedLedger&) = delete;
  Ledger* operator->() const { return ledger_; }
  Ledger& operator*() const { return *ledger_; }

 private:
  void* place_;
  Ledger* ledger_;
};

std::unique_ptr<Arena> arena_of(Arena::Made made) {
  return std::get<std::unique_ptr<Arena>>(std::move(made));
}

/// Writes until it is over. Caches: "kept" has room for all; "crowded" evicts all the time, so that memory
/// changes hands, and has misses whenever it likes.
class Writer {
 public:
  Writer(Ledger& ledger, std::unique_ptr<Catalog> catalog) : ledger_(ledger), catalog_(std::move(catalog)) {
    Settings crowded;
    crowded.bytes_max = 1'000'000;
    kept_ = &std::get<Opened>(catalog_->open("kept", {}, false, now())).cache;
    crowded_ = &std::get<Opened>(catalog_->open("crowded", crowded, false, now())).cache;
  }
  static std::unique_ptr<Catalog> fresh_catalog(NoListener& listener,
                                                Arena::Made arena = Arena::create(kArenaBytes)) {
    CatalogOptions options;
    options.memory_bytes_max = kArenaBytes;
    auto catalog = std::make_unique<Catalog>(options, listener, arena_of(std::move(arena)));
    catalog->set_versions(1, kVersionMax);
    return catalog;
  }

  void serve() { catalog_->arena().serve_readers(0); }
  int fd() { return catalog_->arena().open_for_reading(); }
  const Arena& arena() { return catalog_->arena(); }

  /// Each key once, so that there is something to be found from the beginning.
  void fill() {
    for (std::uint32_t key = 0; key < kKeys; ++key) write(key);
  }

  void run() {
    std::mt19937 random(std::random_device{}());
    for (std::uint64_t step = 0; !ledger_.is_over; ++step) {
      write(static_cast<std::uint32_t>(random() % kKeys));
      if (step % 64 == 0) catalog_->step(now(), 50);
    }
  }

 private:
  // The arena's clock is the monotonic one here.
  static TimeMs now() { return monotonic_ms(); }

  void write(std::uint32_t key) {
    Ledger::Row& row = ledger_.rows[key];
    const std::uint64_t number = row.begun.load() + 1;
    row.begun.store(number);
    const Operation what = operation(key, number);
    const std::string name = key_text(key);
    const TimeMs at = now();
    if (what.kind == Operation::Kind::kDelete) {
      kept_->erase(name, std::nullopt, at);
      crowded_->erase(name, std::nullopt, at);
    } else {
      PutOptions options;
      const bool lasts = what.kind == Operation::Kind::kPut;
      if (!lasts) options.ttl = {Ttl::Kind::kGiven, what.ttl_ms};
      const std::string value = value_text(key, number, lasts ? kNever : at + what.ttl_ms, what.bytes);
      if (!std::holds_alternative<Written>(kept_->put(name, value, options, at))) std::abort();
      crowded_->put(name, value, options, at);
    }
    row.done.store(number);
  }

  Ledger& ledger_;
  std::unique_ptr<Catalog> catalog_;
  Cache* kept_;
  Cache* crowded_;
};

/// How a process gets a reader of an arena of which it has the descriptor.
auto mapping(int fd) {
  return [fd] { return std::get<std::unique_ptr<SharedReader>>(SharedReader::map(dup(fd))); };
}

/// Reads until it is over, or as many reads as wanted were done by all. Reads that the mapping does not
/// answer do not count.
template <typename Map>
void read_all(Ledger& ledger, const Map& map, std::uint64_t reads_max) {
  std::unique_ptr<SharedReader> reader = map();
  SharedReader::CacheAt caches[2];
  constexpr std::string_view kNames[] = {"kept", "crowded"};
  std::mt19937 random(std::random_device{}());
  std::string value;
  SharedReader::Seen seen;
  std::uint64_t reads = 0;
  std::uint64_t hits = 0;
  while (!ledger.is_over) {
    const auto key = static_cast<std::uint32_t>(random() % kKeys);
    const std::size_t which = random() % 2;
    const Ledger::Row& row = ledger.rows[key];
    const std::uint64_t done = row.done.load();
    const TimeMs now = monotonic_ms();
    const std::string name = key_text(key);
    const auto outcome = reader->get(caches[which], name, {value}, seen);
    const std::uint64_t begun = row.begun.load();
    if (outcome == SharedReader::Outcome::kCacheIsMoved) {
      reader->find_cache(kNames[which], caches[which]);
      continue;
    }
    if (outcome == SharedReader::Outcome::kElsewhere) {
      // The writer was killed, and another may be there.
      if (!reader->is_served()) reader = map();
      continue;
    }
    std::string fault;
    if (outcome == SharedReader::Outcome::kHit) {
      ++hits;
      fault = fault_of_hit(key, value, done, begun, now);
    } else if (which == 0) {
      fault = fault_of_miss(key, done, begun);
    }
    if (!fault.empty()) ledger.report(fault);
    if (++reads % 1'000 != 0) continue;
    ledger.hits += std::exchange(hits, 0);
    if ((ledger.reads += 1'000) >= reads_max) ledger.is_over = true;
  }
}

void expect_well(const Ledger& ledger, std::uint64_t reads) {
  EXPECT_FALSE(ledger.is_faulty) << ledger.fault;
  EXPECT_GE(ledger.reads.load(), reads);
  // A mapping that never answers would be right as well.
  EXPECT_GT(ledger.hits.load(), ledger.reads.load() / 4);
  std::uint64_t writes = 0;
  for (const auto& row : ledger.rows) writes += row.done.load();
  std::printf("%llu reads, %llu hits, %llu writes\n", static_cast<unsigned long long>(ledger.reads.load()),
              static_cast<unsigned long long>(ledger.hits.load()), static_cast<unsigned long long>(writes));
}

/// The child ends by _exit: nothing of the parent's is destroyed there.
template <typename Body>
pid_t spawn(Body body) {
  const pid_t child = fork();
  if (child != 0) return child;
  body();
  _exit(0);
}

void wait_for(pid_t child) {
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
}

TEST(Sharing, readers_in_other_processes_read_what_is_there) {
  const SharedLedger ledger;
  NoListener listener;
  Writer writer(*ledger, Writer::fresh_catalog(listener));
  writer.fill();
  writer.serve();
  std::vector<pid_t> readers;
  for (unsigned i = 0; i < kReaders; ++i) {
    readers.push_back(spawn([&] { read_all(*ledger, mapping(writer.fd()), reads_wanted()); }));
  }
  writer.run();
  for (const pid_t reader : readers) wait_for(reader);
  expect_well(*ledger, reads_wanted());
}

TEST(Sharing, readers_in_threads_race_with_nothing) {
  const SharedLedger ledger;
  NoListener listener;
  Writer writer(*ledger, Writer::fresh_catalog(listener));
  writer.fill();
  writer.serve();
  const std::uint64_t reads = reads_wanted() / 10;
  std::vector<std::thread> readers;
  for (unsigned i = 0; i < kReaders; ++i) {
    readers.emplace_back([&] {
      read_all(
          *ledger, [&] { return SharedReader::over(writer.arena()); }, reads);
    });
  }
  writer.run();
  for (std::thread& reader : readers) reader.join();
  expect_well(*ledger, reads);
}

/// A writer that takes over what the one before it has left.
void take_over_and_write(Ledger& ledger, int arena_fd) {
  NoListener listener;
  CatalogOptions options;
  options.memory_bytes_max = kArenaBytes;
  auto taken = take_over(
      options, listener, arena_of(Arena::attach(dup(arena_fd))),
      [](std::uint64_t) -> Arena::Made { std::abort(); }, monotonic_ms());
  auto& took = std::get<TookOver>(taken);
  took.catalog->set_versions(took.catalog->version_last() + 1, kVersionMax);
  Writer writer(ledger, std::move(took.catalog));
  writer.serve();
  writer.run();
}

TEST(Sharing, a_writer_that_is_killed_leaves_no_reader_hanging_or_with_a_wrong_value) {
  const SharedLedger ledger;
  NoListener listener;
  const std::uint64_t reads = reads_wanted() / 5;
  const int arena_fd = memfd_create("arena", MFD_CLOEXEC);
  std::vector<pid_t> readers;
  {
    Writer first(*ledger, Writer::fresh_catalog(listener, Arena::create_in(dup(arena_fd), kArenaBytes)));
    first.fill();
    for (unsigned i = 0; i < kReaders; ++i) {
      readers.push_back(spawn([&] { read_all(*ledger, mapping(first.fd()), kEndless); }));
    }
  }
  constexpr int kKillsMin = 10;
  // Where it takes long until a writer serves, it gets more time: else none is ever read from.
  constexpr std::uint64_t kLongestMsMax = 3'200;
  std::uint64_t longest_ms = 100;
  int kills = 0;
  std::mt19937 random(std::random_device{}());
  while (!ledger->is_over && (kills < kKillsMin || ledger->reads < reads)) {
    const std::uint64_t reads_before = ledger->reads;
    const pid_t writer = spawn([&] { take_over_and_write(*ledger, arena_fd); });
    std::this_thread::sleep_for(std::chrono::milliseconds(20 + random() % longest_ms));
    if (ledger->reads == reads_before) longest_ms = std::min(2 * longest_ms, kLongestMsMax);
    ASSERT_EQ(kill(writer, SIGKILL), 0);
    int status = 0;
    ASSERT_EQ(waitpid(writer, &status, 0), writer);
    if (!WIFSIGNALED(status)) break;
    ++kills;
  }
  ledger->is_over = true;
  for (const pid_t reader : readers) wait_for(reader);
  close(arena_fd);
  std::printf("%d writers were killed\n", kills);
  EXPECT_GE(kills, kKillsMin);
  expect_well(*ledger, reads);
}

}  // namespace
}  // namespace pannier::tests
