#include "storage/arena.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstddef>

#include "tests/storage/arena_fixture.h"

namespace pannier::storage {
namespace {

constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;

/// A second process's arena on the same file.
std::unique_ptr<Arena> attach_again(const Arena& arena) { return arena_of(Arena::attach(dup(arena.fd()))); }

/// What attaching a file with these bytes answers, which must be a fault.
ArenaFault fault_of(std::string_view image) {
  Arena::Made made = Arena::attach(file_with(image));
  if (const auto* fault = std::get_if<ArenaFault>(&made)) return *fault;
  ADD_FAILURE() << "no fault";
  return {};
}

class ArenaTest : public testing::Test {
 protected:
  std::string image() const { return image_of(arena_->fd(), arena_->bytes()); }
  ArenaHeader& header() const { return arena_->header(); }

  /// The image with other bytes at that place of the header.
  template <typename Word>
  std::string image_with(std::size_t offset, Word word) const {
    std::string bytes = image();
    std::memcpy(bytes.data() + offset, &word, sizeof word);
    return bytes;
  }

  std::unique_ptr<Arena> arena_ = arena_of(Arena::create(kMiB));
};

TEST_F(ArenaTest, a_new_one_is_empty_and_not_attached) {
  EXPECT_EQ(arena_->bytes(), kMiB);
  EXPECT_FALSE(arena_->is_attached());
  EXPECT_EQ(header().magic, kArenaMagic);
  EXPECT_EQ(header().fresh_page, arena_->first_page());
  EXPECT_EQ(ArenaCheck(*arena_).fault(), std::nullopt);
}

TEST_F(ArenaTest, its_size_is_rounded_down_to_whole_pages) {
  const auto arena = arena_of(Arena::create(kMiB + 5'000));
  EXPECT_EQ(arena->bytes(), kMiB + 4'096);
}

TEST_F(ArenaTest, a_transaction_that_ended_stays) {
  {
    const Transaction transaction(*arena_);
    arena_->set(header().stamp, 7);
    arena_->set(header().id_last, 8);
    arena_->set_byte(arena_->class_cell(100), 9);
  }
  const auto again = attach_again(*arena_);
  EXPECT_TRUE(again->is_attached());
  EXPECT_EQ(again->words_rolled_back(), 0U);
  EXPECT_EQ(again->header().stamp, 7U);
  EXPECT_EQ(again->header().id_last, 8U);
  EXPECT_EQ(again->class_of_page(100), 9);
}

TEST_F(ArenaTest, a_transaction_that_did_not_end_is_taken_back) {
  header().stamp = 1;
  const Transaction transaction(*arena_);
  arena_->set(header().stamp, 7);
  arena_->set(header().id_last, 8);
  arena_->set_byte(arena_->class_cell(100), 9);
  arena_->set(header().stamp, 10);
  const auto again = attach_again(*arena_);
  EXPECT_EQ(again->words_rolled_back(), 4U);
  EXPECT_EQ(again->header().stamp, 1U);
  EXPECT_EQ(again->header().id_last, 0U);
  EXPECT_EQ(again->class_of_page(100), 0);
  EXPECT_EQ(again->header().journal_count, 0U);
}

TEST_F(ArenaTest, a_transaction_within_another_ends_with_it) {
  {
    const Transaction outer(*arena_);
    arena_->set(header().stamp, 1);
    {
      const Transaction inner(*arena_);
      arena_->set(header().id_last, 2);
    }
    EXPECT_EQ(header().journal_count, 2U);
    const auto copy = arena_of(Arena::attach_copy(dup(arena_->fd())));
    EXPECT_EQ(copy->header().stamp, 0U);
    EXPECT_EQ(copy->header().id_last, 0U);
  }
  EXPECT_EQ(header().journal_count, 0U);
  const auto again = attach_again(*arena_);
  EXPECT_EQ(again->header().stamp, 1U);
  EXPECT_EQ(again->header().id_last, 2U);
}

TEST_F(ArenaTest, a_transaction_that_died_after_any_of_its_words_is_taken_back) {
  const std::string before = image();
  for (std::uint32_t words = 0; words < 20; ++words) {
    const Transaction transaction(*arena_);
    for (std::uint32_t word = 0; word < words; ++word)
      arena_->set(arena_->page(20 + word % 7).next, word + 1);
    const auto copy = arena_of(Arena::attach_copy(dup(arena_->fd())));
    for (std::uint32_t page = 20; page < 27; ++page) ASSERT_EQ(copy->page(page).next, 0U) << words;
    for (std::uint32_t page = 20; page < 27; ++page) arena_->page(page).next = 0;
  }
}

TEST_F(ArenaTest, overwritten_bytes_come_back_and_their_neighbors_stay) {
  char* const place = reinterpret_cast<char*>(&arena_->page(100));
  std::string before(Arena::kOverwriteMax + 64, '\0');
  for (std::size_t i = 0; i < before.size(); ++i) before[i] = static_cast<char>(i * 7 + 1);
  for (const std::uint64_t count : {0U, 1U, 2U, 7U, 8U, 9U, 15U, 16U, 17U, 63U, 64U, 1'023U, 1'024U}) {
    before.copy(place - 32, before.size());
    const std::string bytes(count, '!');
    const Transaction transaction(*arena_);
    arena_->overwrite(place, bytes.data(), count);
    std::string expected = before;
    expected.replace(32, count, bytes);
    ASSERT_EQ(std::string_view(place - 32, before.size()), expected) << count;
    const auto copy = arena_of(Arena::attach_copy(dup(arena_->fd())));
    const char* const there = reinterpret_cast<const char*>(&copy->page(100));
    ASSERT_EQ(std::string_view(there - 32, before.size()), before) << count;
  }
}

TEST_F(ArenaTest, a_note_of_the_last_bytes_does_not_reach_behind_the_arena) {
  const std::uint32_t last = arena_->pages() - 1;
  arena_->class_cell(last) = kBlockClass;
  char* const end = arena_->slot(ref_of(last, 0)) + arena_->page_bytes();
  const Transaction transaction(*arena_);
  arena_->overwrite(end - 3, "abc", 3);
  const auto copy = arena_of(Arena::attach_copy(dup(arena_->fd())));
  EXPECT_EQ(std::string_view(copy->slot(ref_of(last, 0)) + copy->page_bytes() - 3, 3),
            std::string_view("\0\0\0", 3));
}

TEST_F(ArenaTest, only_who_closed_it_cleanly_is_said_to_have) {
  EXPECT_FALSE(attach_again(*arena_)->was_closed_cleanly());
  arena_->close_cleanly();
  const auto second = attach_again(*arena_);
  EXPECT_TRUE(second->was_closed_cleanly());
  EXPECT_FALSE(attach_again(*second)->was_closed_cleanly());
}

TEST_F(ArenaTest, a_word_that_was_not_written_by_close_cleanly_does_not_count) {
  for (const std::uint32_t word : {1U, 2U, 0x8000'0000U, 0xffff'ffffU}) {
    const auto again =
        arena_of(Arena::attach(file_with(image_with(offsetof(ArenaHeader, is_closed_cleanly), word))));
    EXPECT_FALSE(again->was_closed_cleanly()) << word;
  }
}

TEST_F(ArenaTest, what_is_done_to_a_copy_does_not_reach_the_file) {
  const Transaction transaction(*arena_);
  arena_->set(header().stamp, 5);
  const std::string before = image();
  {
    const auto copy = arena_of(Arena::attach_copy(dup(arena_->fd())));
    EXPECT_EQ(copy->header().stamp, 0U);
    const Transaction change(*copy);
    copy->set(copy->header().stamp, 9);
    EXPECT_TRUE(copy->populate(50));
    copy->close_cleanly();
  }
  EXPECT_EQ(image(), before);
}

TEST_F(ArenaTest, a_file_is_an_arena_as_well) {
  const int fd = file_with("");
  {
    const auto made = arena_of(Arena::create_in(dup(fd), 2 * kMiB));
    const Transaction transaction(*made);
    made->set(made->header().stamp, 3);
  }
  const auto again = arena_of(Arena::attach(fd));
  EXPECT_EQ(again->bytes(), 2 * kMiB);
  EXPECT_EQ(again->header().stamp, 3U);
}

TEST_F(ArenaTest, its_memory_is_closed_to_others_and_keeps_its_size) {
  struct stat status {};
  ASSERT_EQ(fstat(arena_->fd(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0400U);
  EXPECT_EQ(ftruncate(arena_->fd(), static_cast<off_t>(kMiB - 4'096)), -1);
  EXPECT_EQ(errno, EPERM);
  EXPECT_EQ(ftruncate(arena_->fd(), static_cast<off_t>(kMiB + 4'096)), -1);
  EXPECT_EQ(errno, EPERM);
  EXPECT_EQ(fcntl(arena_->fd(), F_ADD_SEALS, F_SEAL_WRITE), -1);
  EXPECT_EQ(fcntl(arena_->fd(), F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
}

TEST_F(ArenaTest, another_magic_is_no_arena) {
  const ArenaFault fault = fault_of(image_with(0, kArenaMagic + 1));
  EXPECT_EQ(fault.kind, ArenaFault::Kind::kNotAnArena);
  EXPECT_EQ(fault.text, "this is no arena: it does not begin like one");
}

TEST_F(ArenaTest, another_format_is_named_with_the_known_one) {
  const ArenaFault fault = fault_of(image_with(offsetof(ArenaHeader, format), kArenaFormat + 6));
  EXPECT_EQ(fault.kind, ArenaFault::Kind::kOtherFormat);
  EXPECT_EQ(fault.text, "the arena has format " + std::to_string(kArenaFormat + 6) +
                            ", and this daemon knows " + std::to_string(kArenaFormat));
}

TEST_F(ArenaTest, a_header_of_another_size_is_no_arena) {
  const std::string text = "this is no arena: its header does not fit its size of 1048576 bytes";
  EXPECT_EQ(fault_of(image_with(offsetof(ArenaHeader, bytes), 2 * kMiB)).text, text);
  EXPECT_EQ(fault_of(image_with(offsetof(ArenaHeader, bytes), std::uint64_t{0})).text, text);
  EXPECT_EQ(fault_of(image_with(offsetof(ArenaHeader, page_shift), std::uint32_t{13})).text, text);
  EXPECT_EQ(fault_of(image_with(offsetof(ArenaHeader, journal_count), kJournalRecords + 1)).text, text);
  EXPECT_EQ(fault_of(image_with(offsetof(ArenaHeader, journal_count), kJournalRecords + 1)).kind,
            ArenaFault::Kind::kNotAnArena);
}

TEST_F(ArenaTest, a_file_that_was_cut_or_grew_is_no_arena) {
  EXPECT_EQ(fault_of("").text, "this is no arena: it has 0 bytes");
  EXPECT_EQ(fault_of(image().substr(0, 500'000)).text, "this is no arena: it has 500000 bytes");
  const auto large = arena_of(Arena::create(2 * kMiB));
  const std::string bytes = image_of(large->fd(), large->bytes());
  EXPECT_EQ(fault_of(bytes.substr(0, 2'000'000)).text,
            "this is no arena: its header does not fit its size of 2000000 bytes");
  EXPECT_EQ(fault_of(bytes + std::string(4'096, '\0')).text,
            "this is no arena: its header does not fit its size of 2101248 bytes");
}

TEST_F(ArenaTest, a_journal_that_points_out_of_the_arena_changes_nothing) {
  const Transaction transaction(*arena_);
  arena_->set(header().stamp, 5);
  arena_->set(header().id_last, 6);
  // The journal lies behind the header, at a multiple of 64 bytes; its first record is damaged.
  std::string bytes = image();
  const std::uint64_t beyond = kMiB - 7;
  std::memcpy(bytes.data() + HeadParts::kJournal, &beyond, sizeof beyond);
  const int fd = file_with(bytes);
  Arena::Made made = Arena::attach(dup(fd));
  ASSERT_TRUE(std::holds_alternative<ArenaFault>(made));
  EXPECT_EQ(std::get<ArenaFault>(made).text, "this is no arena: its journal points out of it");
  EXPECT_EQ(image_of(fd, kMiB), bytes);
  close(fd);
}

TEST_F(ArenaTest, a_run_of_bytes_is_put_back) {
  char* const place = reinterpret_cast<char*>(&header().store_identity);
  const std::string before(place, header().store_identity.size());
  const std::string image_before = [&] {
    const Transaction transaction(*arena_);
    arena_->set(header().id_last, 6);
    arena_->overwrite(place, "what is written in one go", 25);
    arena_->overwrite(place + 5, "and again", 9);
    arena_->set(header().id_last, 7);
    return image();
  }();
  const auto again = arena_of(Arena::attach(file_with(image_before)));
  EXPECT_EQ(std::string(again->header().store_identity.data(), before.size()), before);
  EXPECT_EQ(again->header().id_last, 0U);
  EXPECT_EQ(again->header().journal_count, 0U);
}

TEST_F(ArenaTest, a_run_that_is_longer_than_the_journal_changes_nothing) {
  const Transaction transaction(*arena_);
  arena_->overwrite(reinterpret_cast<char*>(&header().store_identity), "0123456789", 10);
  std::string bytes = image();
  const std::uint64_t long_run = 1'000;
  const std::size_t journal = HeadParts::kJournal;
  std::memcpy(bytes.data() + journal + sizeof(std::uint64_t), &long_run, sizeof long_run);
  const int fd = file_with(bytes);
  const Arena::Made made = Arena::attach(dup(fd));
  ASSERT_TRUE(std::holds_alternative<ArenaFault>(made));
  EXPECT_EQ(std::get<ArenaFault>(made).text, "this is no arena: its journal points out of it");
  EXPECT_EQ(image_of(fd, kMiB), bytes);
  close(fd);
}

TEST_F(ArenaTest, memory_may_be_put_into_huge_pages_while_it_is_used) {
  const auto arena = arena_of(Arena::create(8 * kMiB));
  Arena& used = *arena;
  for (std::uint32_t page = used.first_page(); page < used.pages(); ++page) ASSERT_TRUE(used.populate(page));
  std::string expected(used.bytes(), '\0');
  const auto fill = [&](char salt) {
    for (std::uint64_t at = Arena::kHugePageBytes; at < used.bytes(); ++at) {
      expected[at] = static_cast<char>(static_cast<std::uint64_t>(salt) + at % 251);
      (reinterpret_cast<char*>(&used.header()))[at] = expected[at];
    }
  };
  fill(1);
  std::thread asking([&] {
    for (std::uint64_t at = 0; at + Arena::kHugePageBytes <= used.bytes(); at += Arena::kHugePageBytes) {
      used.make_huge(at);
    }
  });
  fill(7);
  asking.join();
  const std::string_view bytes(reinterpret_cast<const char*>(&used.header()), used.bytes());
  EXPECT_TRUE(bytes.substr(Arena::kHugePageBytes) ==
              std::string_view(expected).substr(Arena::kHugePageBytes));
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(&used.header()) % Arena::kHugePageBytes, 0U);
}

TEST_F(ArenaTest, what_cannot_be_mapped_is_said) {
  const int fd = open("/", O_RDONLY | O_CLOEXEC | O_DIRECTORY);
  const Arena::Made made = Arena::create_in(fd, kMiB);
  ASSERT_TRUE(std::holds_alternative<ArenaFault>(made));
  EXPECT_EQ(std::get<ArenaFault>(made).kind, ArenaFault::Kind::kSystem);
  EXPECT_EQ(std::get<ArenaFault>(made).text.substr(0, 38), "cannot make an arena of 1048576 bytes:");
}

}  // namespace
}  // namespace pannier::storage
