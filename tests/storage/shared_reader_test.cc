#include "storage/shared_reader.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <ctime>

#include "tests/storage/catalog_fixture.h"

namespace pannier::storage {
namespace {

using Outcome = SharedReader::Outcome;

TimeMs monotonic_ms() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return std::int64_t{now.tv_sec} * 1'000 + now.tv_nsec / 1'000'000;
}

class SharedReaderTest : public CatalogFixture {
 protected:
  SharedReaderTest() {
    start({.memory_bytes_max = 16 * kMiB});
    serve();
  }

  /// The reader's clock says kNow now.
  void serve() {
    catalog_->arena().serve_readers(kNow - monotonic_ms());
    reader_ = mapped();
  }
  std::unique_ptr<SharedReader> mapped() {
    auto made = SharedReader::map(catalog_->arena().open_for_reading());
    return std::get<std::unique_ptr<SharedReader>>(std::move(made));
  }

  SharedReader::CacheAt at(std::string_view name) const {
    SharedReader::CacheAt cache;
    EXPECT_TRUE(reader_->find_cache(name, cache)) << name;
    return cache;
  }
  Outcome get(std::string_view cache, std::string_view key) {
    return reader_->get(at(cache), key, {value_}, seen_);
  }
  /// The value, or "(none)" if it is none that the mapping tells.
  std::string read(std::string_view cache, std::string_view key) {
    return get(cache, key) == Outcome::kHit ? value_ : "(none)";
  }

  std::unique_ptr<SharedReader> reader_;
  std::string value_;
  SharedReader::Seen seen_;
};

TEST_F(SharedReaderTest, what_was_put_is_read_with_its_version) {
  Cache& cache = open("c", lru(1'000));
  const Version version = put(cache, "key", "value");
  EXPECT_EQ(read("c", "key"), "value");
  EXPECT_EQ(seen_.version, version);
  EXPECT_EQ(seen_.deadline, kNever);
  EXPECT_EQ(read("c", "yek"), "(none)");
  EXPECT_EQ(get("c", "yek"), Outcome::kAbsent);
}

TEST_F(SharedReaderTest, values_of_all_sizes_are_whole) {
  Cache& cache = open("c", {});
  for (const std::size_t bytes : {0, 1, 7, 8, 9, 63, 64, 1'000, 2'000, 2'048, 5'000, 100'000, 3'000'000}) {
    std::string wanted(bytes, '\0');
    for (std::size_t i = 0; i < bytes; ++i) wanted[i] = static_cast<char>(i * 7 + i / 251);
    put(cache, "key", wanted);
    EXPECT_EQ(read("c", "key"), wanted) << bytes;
  }
}

TEST_F(SharedReaderTest, keys_of_many_sizes_are_found_and_the_largest_are_for_the_daemon) {
  Cache& cache = open("c", {});
  for (const std::size_t bytes : {1, 3, 4, 7, 8, 9, 15, 16, 17, 64, 65, 255, 1'000}) {
    put(cache, std::string(bytes, 'k'), std::to_string(bytes));
    EXPECT_EQ(read("c", std::string(bytes, 'k')), std::to_string(bytes));
  }
  put(cache, std::string(65'535, 'k'), "far");
  EXPECT_EQ(get("c", std::string(65'535, 'k')), Outcome::kElsewhere);
}

TEST_F(SharedReaderTest, many_entries_are_found_however_the_index_has_grown) {
  start({.memory_bytes_max = 256 * kMiB});
  serve();
  Cache& cache = open("c", {});
  const int entries = 300'000;
  for (int i = 0; i < entries; ++i) put(cache, std::to_string(i), std::to_string(i * 3));
  for (int i = 0; i < entries; ++i) ASSERT_EQ(read("c", std::to_string(i)), std::to_string(i * 3));
}

TEST_F(SharedReaderTest, what_was_deleted_overwritten_or_evicted_is_not_read) {
  Cache& cache = open("c", lru(SharedReader::kEntriesMaxLeast));
  put(cache, "a", "1");
  put(cache, "b", "1");
  put(cache, "b", "two");
  cache.erase("a", std::nullopt, kNow);
  EXPECT_EQ(read("c", "a"), "(none)");
  EXPECT_EQ(read("c", "b"), "two");
  for (std::uint64_t i = 0; i < SharedReader::kEntriesMaxLeast; ++i) put(cache, std::to_string(i), "1");
  EXPECT_EQ(read("c", "b"), "(none)");
  EXPECT_EQ(read("c", "0"), "1");
}

TEST_F(SharedReaderTest, an_entry_past_its_deadline_is_not_read_before_the_daemon_notices) {
  Cache& cache = open("c", {});
  put(cache, "soon", "1", ttl(30));
  put(cache, "later", "1", ttl(3'600'000));
  const TimeMs due = monotonic_ms() + 31;
  EXPECT_EQ(read("c", "later"), "1");
  EXPECT_EQ(seen_.deadline, kNow + 3'600'000);
  while (monotonic_ms() <= due) usleep(1'000);
  EXPECT_EQ(get("c", "soon"), Outcome::kAbsent);
  EXPECT_EQ(read("c", "later"), "1");
  cache.touch("later", {Ttl::Kind::kGiven, 0}, kNow);
  EXPECT_EQ(get("c", "later"), Outcome::kAbsent);
}

TEST_F(SharedReaderTest, what_a_clear_covers_is_for_the_daemon_until_it_has_ended) {
  Cache& cache = open("c", {});
  put(cache, "key", "old");
  const SharedReader::CacheAt before = at("c");
  const ClearId clear = cache.clear_begin("", kNow);
  SharedReader::CacheAt during;
  EXPECT_FALSE(reader_->find_cache("c", during));
  EXPECT_EQ(reader_->get(before, "key", {value_}, seen_), Outcome::kCacheIsMoved);
  while (cache.clear_step(clear, 100)) {
  }
  cache.clear_end(clear, 0, kNow);
  EXPECT_EQ(get("c", "key"), Outcome::kAbsent);
}

TEST_F(SharedReaderTest, a_dropped_cache_is_gone_and_its_successor_is_another) {
  Cache& cache = open("c", {});
  put(cache, "key", "old");
  const SharedReader::CacheAt before = at("c");
  catalog_->drop("c");
  SharedReader::CacheAt none;
  EXPECT_FALSE(reader_->find_cache("c", none));
  EXPECT_EQ(reader_->get(before, "key", {value_}, seen_), Outcome::kCacheIsMoved);
  while (catalog_->step(kNow, 100)) {
  }
  open("c", {});
  EXPECT_EQ(get("c", "key"), Outcome::kAbsent);
}

TEST_F(SharedReaderTest, a_cache_that_has_become_too_small_is_for_the_daemon) {
  Cache& cache = open("c", lru(SharedReader::kEntriesMaxLeast));
  put(cache, "key", "1");
  const SharedReader::CacheAt before = at("c");
  catalog_->open("c", lru(SharedReader::kEntriesMaxLeast - 1), true, kNow);
  EXPECT_EQ(reader_->get(before, "key", {value_}, seen_), Outcome::kCacheIsMoved);
  SharedReader::CacheAt none;
  EXPECT_FALSE(reader_->find_cache("c", none));
  catalog_->open("c", lru(SharedReader::kEntriesMaxLeast), true, kNow);
  EXPECT_EQ(read("c", "key"), "1");
}

TEST_F(SharedReaderTest, of_a_durable_cache_what_is_in_memory_is_read) {
  Cache& cache = open("d", durable());
  put(cache, "key", "dirty");
  EXPECT_EQ(read("d", "key"), "dirty");
  cache.erase("key", std::nullopt, kNow);
  EXPECT_EQ(get("d", "key"), Outcome::kAbsent);
}

TEST_F(SharedReaderTest, a_value_that_was_seen_is_unchanged_until_it_is_not) {
  Cache& cache = open("c", {});
  put(cache, "key", "1");
  ASSERT_EQ(read("c", "key"), "1");
  const SharedReader::CacheAt place = at("c");
  EXPECT_TRUE(reader_->is_unchanged(place, seen_));
  cache.get("key", kNow);
  EXPECT_TRUE(reader_->is_unchanged(place, seen_)) << "a use changes nothing";
  put(cache, "key", "2");
  EXPECT_FALSE(reader_->is_unchanged(place, seen_));
}

TEST_F(SharedReaderTest, nothing_is_read_before_and_after_it_is_served) {
  Cache& cache = open("c", {});
  put(cache, "key", "1");
  EXPECT_TRUE(reader_->is_served());
  catalog_->close_cleanly();
  EXPECT_FALSE(reader_->is_served());
  EXPECT_EQ(get("c", "key"), Outcome::kElsewhere);
  catalog_->arena().serve_readers(kNow - monotonic_ms());
  EXPECT_FALSE(reader_->is_served()) << "this is another server";
  reader_ = mapped();
  EXPECT_EQ(read("c", "key"), "1");
}

TEST_F(SharedReaderTest, a_daemon_that_was_killed_is_known_to_be_dead_before_anyone_is_told) {
  Cache& cache = open("c", {});
  put(cache, "key", "1");
  catalog_->close_cleanly();
  const pid_t child = fork();
  if (child == 0) {
    catalog_->arena().serve_readers(0);
    kill(getpid(), SIGKILL);
  }
  ASSERT_GT(child, 0);
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status));
  EXPECT_FALSE(reader_->is_served());
}

TEST_F(SharedReaderTest, a_reader_can_neither_write_nor_shrink_what_it_maps) {
  const int fd = catalog_->arena().open_for_reading();
  ASSERT_GE(fd, 0);
  EXPECT_EQ(pwrite(fd, "x", 1, 0), -1);
  EXPECT_EQ(errno, EBADF);
  EXPECT_EQ(mmap(nullptr, 4'096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0), MAP_FAILED);
  EXPECT_EQ(errno, EACCES);
  void* const mapped = mmap(nullptr, 4'096, PROT_READ, MAP_SHARED, fd, 0);
  ASSERT_NE(mapped, MAP_FAILED);
  EXPECT_EQ(mprotect(mapped, 4'096, PROT_READ | PROT_WRITE), -1);
  EXPECT_EQ(errno, EACCES);
  EXPECT_EQ(ftruncate(fd, 0), -1);
  EXPECT_EQ(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), -1);
  munmap(mapped, 4'096);
  close(fd);
  // The daemon itself cannot shrink it either.
  EXPECT_EQ(ftruncate(catalog_->arena().fd(), 4'096), -1);
  EXPECT_EQ(errno, EPERM);
}

TEST_F(SharedReaderTest, what_is_no_arena_is_refused) {
  const int fd = memfd_create("no-arena", MFD_CLOEXEC);
  ASSERT_EQ(ftruncate(fd, kMiB), 0);
  auto made = SharedReader::map(fd);
  EXPECT_EQ(std::get<SharedReader::Fault>(made).text, "this is no arena that this library can read");
  EXPECT_EQ(std::get<SharedReader::Fault>(SharedReader::map(::open("/dev/null", O_RDONLY))).text,
            "this is no arena: it has 0 bytes");
}

}  // namespace
}  // namespace pannier::storage
