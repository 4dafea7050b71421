#include "storage/slots.h"

#include <map>
#include <random>
#include <vector>

#include "tests/storage/arena_fixture.h"

namespace pannier::storage {
namespace {

constexpr std::uint64_t kMarked = static_cast<std::uint64_t>(Entry::Kind::kRecord);

class SlotsTest : public ArenaFixture {
 protected:
  std::uint32_t bytes_of(Ref ref) const {
    return arena_->classes().slot_bytes(arena_->class_of_page(page_of(ref)));
  }

  /// kNoRef if the arena is full.
  Ref take(std::uint8_t number) {
    if (slots_.ready_pages() == 0) slots_.ready_page();
    const Transaction transaction(*arena_);
    const Ref ref = slots_.take(number);
    if (ref != kNoRef) fill(ref);
    return ref;
  }

  void give_back(Ref ref) {
    const Transaction transaction(*arena_);
    slots_.give_back(ref);
  }

  /// Bytes that no other slot has, and the state of something that is not free.
  std::string pattern(Ref ref) const {
    std::string bytes(bytes_of(ref), '\0');
    for (std::size_t i = 0; i < bytes.size(); ++i)
      bytes[i] = static_cast<char>(ref * 2'654'435'761U >> i % 25);
    if (arena_->class_of_page(page_of(ref)) >= kFirstEntryClass) {
      std::memcpy(bytes.data() + offsetof(Entry, version_and_state), &kMarked, sizeof kMarked);
    }
    return bytes;
  }
  void fill(Ref ref) { std::memcpy(arena_->slot(ref), pattern(ref).data(), bytes_of(ref)); }
  bool is_as_filled(Ref ref) const {
    return std::string_view(arena_->slot(ref), bytes_of(ref)) == pattern(ref);
  }

  /// Pages, bins and counts agree: nothing else is wrong than that nobody has the slots.
  void expect_sound_pages() {
    const ArenaCheck::Fault fault = ArenaCheck(*arena_).fault();
    ASSERT_TRUE(!fault || fault->ends_with("belongs to nothing")) << *fault;
  }

  std::uint64_t pages_used() const { return slots_.used_bytes() >> arena_->page_shift(); }
};

TEST_F(SlotsTest, slots_of_all_classes_are_taken_and_given_back_at_random) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  std::vector<Ref> taken;
  const std::uint64_t free_before = slots_.free_bytes();
  for (int round = 0; round < 60'000; ++round) {
    // Phases of growth and of shrinking.
    const bool grows = random() % 100 < (round / 5'000 % 2 == 0 ? 60U : 35U);
    if (grows || taken.empty()) {
      const auto number = static_cast<std::uint8_t>(1 + random() % (arena_->classes().count() - 1U));
      if (const Ref ref = take(number); ref != kNoRef) {
        ASSERT_EQ(arena_->class_of_page(page_of(ref)), number);
        ASSERT_LT(slot_of(ref), arena_->classes().slots(number));
        taken.push_back(ref);
      }
    } else {
      std::swap(taken[random() % taken.size()], taken.back());
      ASSERT_TRUE(is_as_filled(taken.back()));
      give_back(taken.back());
      taken.pop_back();
    }
    if (round % 1'000 != 0) continue;
    ASSERT_NO_FATAL_FAILURE(expect_sound_pages());
  }
  for (const Ref ref : taken) {
    ASSERT_TRUE(is_as_filled(ref));
    give_back(ref);
  }
  EXPECT_EQ(slots_.free_bytes(), free_before);
  EXPECT_EQ(ArenaCheck(*arena_).fault(), std::nullopt);
}

TEST_F(SlotsTest, free_bytes_are_those_of_free_pages_and_of_slots_of_entries) {
  const std::uint64_t before = slots_.free_bytes();
  const std::uint8_t number = arena_->classes().class_for(100);
  const Ref first = take(number);
  const std::uint32_t slots = arena_->classes().slots(number);
  const std::uint64_t rest = std::uint64_t{slots - 1} * bytes_of(first);
  EXPECT_EQ(slots_.free_bytes(), before - arena_->page_bytes() + rest);
  take(number);
  EXPECT_EQ(slots_.free_bytes(), before - arena_->page_bytes() + rest - bytes_of(first));
  // What the next process would count.
  EXPECT_EQ(Slots(*arena_).free_bytes(), slots_.free_bytes());
}

TEST_F(SlotsTest, a_full_arena_gives_nothing_until_something_is_given_back) {
  const std::uint8_t number = arena_->classes().class_for(512);
  std::vector<Ref> taken;
  while (const Ref ref = take(number)) taken.push_back(ref);
  EXPECT_EQ(slots_.free_pages(), 0U);
  EXPECT_FALSE(slots_.ready_page());
  EXPECT_EQ(take(kBlockClass), kNoRef);
  give_back(taken.back());
  EXPECT_EQ(take(number), taken.back());
}

TEST_F(SlotsTest, a_page_whose_last_slot_is_given_back_serves_other_classes) {
  const std::uint64_t before = pages_used();
  std::vector<Ref> taken;
  const std::uint8_t number = arena_->classes().class_for(64);
  for (std::uint32_t i = 0; i < 3 * arena_->classes().slots(number); ++i) taken.push_back(take(number));
  EXPECT_EQ(pages_used(), before + 3);
  for (const Ref ref : taken) give_back(ref);
  EXPECT_EQ(pages_used(), before);
  EXPECT_EQ(page_of(take(kBlockClass)), page_of(taken.back()));
}

TEST_F(SlotsTest, a_slot_comes_from_the_fullest_page) {
  const std::uint8_t number = arena_->classes().class_for(64);
  const std::uint32_t slots = arena_->classes().slots(number);
  std::vector<Ref> taken;
  for (std::uint32_t i = 0; i < 2 * slots; ++i) taken.push_back(take(number));
  // The first page keeps one slot, the second misses one.
  for (std::uint32_t i = 1; i < slots; ++i) give_back(taken[i]);
  give_back(taken[slots]);
  EXPECT_EQ(take(number), taken[slots]);
  EXPECT_EQ(page_of(take(number)), page_of(taken[0]));
}

TEST_F(SlotsTest, the_cheapest_page_is_the_emptiest_that_others_can_take_in) {
  const std::uint8_t number = arena_->classes().class_for(64);
  const std::uint32_t slots = arena_->classes().slots(number);
  std::vector<Ref> taken;
  for (std::uint32_t i = 0; i < 2 * slots; ++i) taken.push_back(take(number));
  EXPECT_EQ(slots_.cheapest_page().page, 0U);
  for (std::uint32_t i = 2; i < slots; ++i) give_back(taken[i]);
  // Two slots must be moved, and the other page is full.
  EXPECT_EQ(slots_.cheapest_page().page, 0U);
  give_back(taken[slots]);
  give_back(taken[slots + 1]);
  EXPECT_EQ(slots_.cheapest_page().page, page_of(taken[0]));
  EXPECT_EQ(slots_.cheapest_page().live, 2U);
}

TEST_F(SlotsTest, garbage_is_free_memory_and_is_freed_piece_by_piece) {
  const std::uint64_t before = slots_.free_bytes();
  // Six whole pieces, so that no page has a rest that no slot covers.
  const std::string value(512 - Entry::body_offset(Entry::kHasDue | Entry::kHasPieces) + 6 * 488 - 1, 'v');
  for (int i = 0; i < 3; ++i) {
    const EntryAt entry = make("k", value);
    const Transaction transaction(*arena_);
    writer_.free(entry);
  }
  EXPECT_EQ(slots_.free_bytes(), before);
  EXPECT_EQ(ArenaCheck(*arena_).fault(), std::nullopt);
  int pieces = 0;
  while (slots_.free_garbage()) {
    ++pieces;
    ASSERT_EQ(ArenaCheck(*arena_).fault(), std::nullopt) << pieces;
    ASSERT_EQ(slots_.free_bytes(), before);
  }
  EXPECT_EQ(pieces, 18);
  EXPECT_EQ(arena_->header().garbage_bytes, 0U);
}

TEST_F(SlotsTest, an_unfinished_taking_and_giving_back_is_taken_back) {
  std::vector<Ref> taken;
  for (int i = 0; i < 40; ++i) taken.push_back(take(arena_->classes().class_for(100)));
  for (int i = 0; i < 40; i += 3) give_back(taken[static_cast<std::size_t>(i)]);
  ready();
  const std::string before = image_of(arena_->fd(), arena_->bytes());
  const Transaction transaction(*arena_);
  for (int i = 0; i < 10; ++i) slots_.give_back(taken[1 + 3 * static_cast<std::size_t>(i)]);
  for (int i = 0; i < 10; ++i) slots_.take(arena_->classes().class_for(100));
  slots_.take(arena_->classes().class_for(40));
  const auto copy = arena_of(Arena::attach_copy(dup(arena_->fd())));
  EXPECT_GT(copy->words_rolled_back(), 0U);
  const ArenaCheck::Fault fault = ArenaCheck(*copy).fault();
  EXPECT_TRUE(fault && fault->ends_with("belongs to nothing")) << *fault;
  const std::uint64_t page = std::uint64_t{page_of(taken[1])} << arena_->page_shift();
  EXPECT_EQ(std::string_view(copy->slot(ref_of(page_of(taken[1]), 0)), arena_->page_bytes()),
            std::string_view(before).substr(page, arena_->page_bytes()));
}

}  // namespace
}  // namespace pannier::storage
