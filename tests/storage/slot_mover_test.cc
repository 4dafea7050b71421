#include "storage/slot_mover.h"

#include <map>
#include <random>
#include <vector>

#include "tests/storage/arena_fixture.h"

namespace pannier::storage {
namespace {

class SlotMoverTest : public ArenaFixture {
 protected:
  SlotMoverTest() : ArenaFixture(2 * kMiB) {}

  void put(const std::string& key, const std::string& value, TimeMs deadline = kNever) {
    link(make(Fields{.key = key, .value = value, .deadline = deadline}));
    values_[key] = value;
  }

  void erase(const std::string& key) {
    unlink_and_free(find(key));
    values_.erase(key);
  }

  /// Until there is nothing to be moved any more.
  int move_all() {
    int moves = 0;
    while (mover_.move_one()) {
      ++moves;
      if (moves > 100'000) ADD_FAILURE() << "it does not end";
      if (moves > 100'000) break;
    }
    return moves;
  }

  void expect_all_there() {
    expect_sound();
    EXPECT_EQ(index_.size(), values_.size());
    for (const auto& [key, value] : values_) {
      const EntryAt entry = find(key);
      ASSERT_TRUE(entry) << key;
      ASSERT_EQ(value_of(*arena_, entry).str(), value);
    }
  }

  /// Many entries of one size, of which one in `keep` stays.
  void fill_thinly(int entries, std::size_t value_bytes, int keep, TimeMs deadline = kNever) {
    for (int i = 0; i < entries; ++i) put(std::to_string(i), std::string(value_bytes, 'a'), deadline);
    for (int i = 0; i < entries; ++i) {
      if (i % keep != 0) erase(std::to_string(i));
    }
  }

  std::uint64_t pages_used() const { return slots_.used_bytes() >> arena_->page_shift(); }

  std::map<std::string, std::string> values_;
  SlotMover mover_{*arena_, slots_};
};

TEST_F(SlotMoverTest, nothing_is_moved_where_no_page_can_become_free) {
  for (int i = 0; i < 10; ++i) put(std::to_string(i), "v");
  EXPECT_FALSE(mover_.move_one());
  EXPECT_EQ(mover_.moved(), 0U);
}

TEST_F(SlotMoverTest, pages_that_are_nearly_empty_become_free) {
  fill_thinly(2'000, 80, 10);
  const std::uint64_t before = pages_used();
  EXPECT_GT(move_all(), 0);
  // 2,000 slots of 120 bytes took 59 pages, and 200 need 6.
  EXPECT_LT(pages_used(), before - 40);
  EXPECT_EQ(slots_.evacuated_page(), 0U);
  expect_all_there();
}

TEST_F(SlotMoverTest, everything_is_sound_after_each_move) {
  fill_thinly(300, 50, 3, kNow + 10'000);
  while (mover_.move_one()) ASSERT_NO_FATAL_FAILURE(expect_all_there());
  EXPECT_GT(mover_.moved(), 10U);
}

TEST_F(SlotMoverTest, the_order_of_use_stays) {
  fill_thinly(1'000, 60, 7);
  std::vector<std::string> before;
  for (EntryAt entry = order_.oldest(); entry; entry = order_.newer(entry))
    before.push_back(key_of(*arena_, entry).str());
  EXPECT_GT(move_all(), 0);
  std::vector<std::string> after;
  for (EntryAt entry = order_.oldest(); entry; entry = order_.newer(entry))
    after.push_back(key_of(*arena_, entry).str());
  EXPECT_EQ(after, before);
}

TEST_F(SlotMoverTest, what_was_moved_is_due_when_it_was) {
  for (int i = 0; i < 1'000; ++i) put(std::to_string(i), std::string(60, 'v'), kNow + 1 + i % 100);
  for (int i = 0; i < 1'000; ++i) {
    if (i % 7 != 0) erase(std::to_string(i));
  }
  EXPECT_GT(move_all(), 0);
  for (TimeMs now = kNow; deadlines_.size() > 0; ++now) {
    std::uint64_t visits = UINT64_MAX;
    while (const EntryAt entry = deadlines_.first_due_at(now, visits)) {
      ASSERT_EQ(entry->deadline(), now);
      erase(key_of(*arena_, entry).str());
    }
  }
  EXPECT_TRUE(values_.empty());
}

TEST_F(SlotMoverTest, entries_move_with_their_pieces_and_pieces_by_themselves) {
  for (int i = 0; i < 120; ++i)
    put(std::to_string(i),
        std::string(static_cast<std::size_t>(1'500 + 37 * (i % 60)), static_cast<char>('a' + i % 26)));
  for (int i = 0; i < 120; ++i) {
    if (i % 5 != 0) erase(std::to_string(i));
  }
  while (slots_.free_garbage()) {
  }
  const std::uint64_t before = pages_used();
  EXPECT_GT(move_all(), 0);
  EXPECT_LT(pages_used(), before);
  expect_all_there();
}

TEST_F(SlotMoverTest, garbage_moves_and_is_freed_from_where_it_is) {
  for (int i = 0; i < 60; ++i) put(std::to_string(i), std::string(2'000, 'v'));
  for (int i = 0; i < 60; ++i) {
    if (i % 3 != 0) erase(std::to_string(i));
  }
  // So that pieces of chains are in pages that can be emptied.
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(slots_.free_garbage());
  ASSERT_NE(arena_->header().garbage, kNoRef);
  while (mover_.move_one()) ASSERT_NO_FATAL_FAILURE(expect_sound());
  EXPECT_GT(mover_.moved(), 0U);
  while (slots_.free_garbage()) ASSERT_NO_FATAL_FAILURE(expect_sound());
  EXPECT_EQ(arena_->header().garbage_bytes, 0U);
  expect_all_there();
}

TEST_F(SlotMoverTest, a_draft_moves_while_it_is_written) {
  for (int i = 0; i < 100; ++i) put(std::to_string(i), std::string(440, 'v'));
  std::string value;
  for (int i = 0; i < 9'000; ++i) value += static_cast<char>('a' + i % 23);
  const Fields fields{.key = "draft", .value = value};
  const EntryWriter::Plan plan = writer_.plan(fields);
  Ref last = kNoRef;
  const SlotMover::Watch watch(mover_, last);
  std::uint64_t done_bytes = 0;
  for (int i = 0; done_bytes < plan.piece_bytes; ++i) {
    ready();
    ASSERT_TRUE(writer_.write_piece(plan, fields, done_bytes, last));
    for (int gone = 5 * i; gone < std::min(100, 5 * i + 5); ++gone) erase(std::to_string(gone));
    for (int moves = 0; moves < 7; ++moves) mover_.move_one();
    ASSERT_NO_FATAL_FAILURE(expect_sound());
  }
  EXPECT_GT(mover_.moved(), 20U);
  ready();
  EntryAt entry;
  {
    const Transaction transaction(*arena_);
    entry = writer_.write_head(plan, fields);
  }
  link(entry);
  values_["draft"] = value;
  expect_all_there();
}

TEST_F(SlotMoverTest, a_watched_ref_follows_its_entry) {
  fill_thinly(1'000, 80, 10);
  std::map<std::string, Ref> refs;
  for (const auto& [key, value] : values_) refs[key] = find(key).ref;
  std::vector<std::unique_ptr<SlotMover::Watch>> watches;
  for (auto& [key, ref] : refs) watches.push_back(std::make_unique<SlotMover::Watch>(mover_, ref));
  const std::map<std::string, Ref> before = refs;
  EXPECT_GT(move_all(), 0);
  EXPECT_NE(refs, before);
  for (const auto& [key, ref] : refs) EXPECT_EQ(find(key).ref, ref) << key;
  while (!watches.empty()) watches.pop_back();
}

TEST_F(SlotMoverTest, a_move_that_did_not_end_did_not_happen) {
  fill_thinly(1'000, 80, 10, kNow + 500);
  const Transaction never_ended(*arena_);
  ASSERT_TRUE(mover_.move_one());
  const auto copy = arena_of(Arena::attach_copy(dup(arena_->fd())));
  EXPECT_GT(copy->words_rolled_back(), 0U);
  EXPECT_EQ(copy->header().evacuated_page, 0U);
  EXPECT_EQ(ArenaCheck(*copy).fault(), std::nullopt);
  EXPECT_EQ(ArenaCheck(*arena_).fault(), std::nullopt);
}

}  // namespace
}  // namespace pannier::storage
