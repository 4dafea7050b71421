#include "storage/deadlines.h"

#include <algorithm>
#include <map>
#include <random>
#include <vector>

#include "tests/storage/arena_fixture.h"

namespace pannier::storage {
namespace {

constexpr TimeMs kStart = 1'700'000'000'123;
constexpr std::uint64_t kPlenty = UINT64_MAX;

class DeadlinesTest : public ArenaFixture {
 protected:
  DeadlinesTest() : ArenaFixture(16 * kMiB) {}

  EntryAt add(TimeMs due, TimeMs now) {
    const EntryAt entry = make(Fields{.key = "k", .deadline = due});
    const Transaction transaction(*arena_);
    deadlines_.insert(entry, due, now);
    return entry;
  }

  void remove(EntryAt entry) {
    const Transaction transaction(*arena_);
    deadlines_.remove(entry);
  }

  /// What is due, and is not any more.
  EntryAt take(TimeMs now, std::uint64_t& visits) {
    const EntryAt entry = deadlines_.first_due_at(now, visits);
    if (entry) remove(entry);
    return entry;
  }
  EntryAt take(TimeMs now) {
    std::uint64_t visits = kPlenty;
    return take(now, visits);
  }
};

TEST_F(DeadlinesTest, an_entry_is_due_at_its_millisecond_and_not_before) {
  for (const TimeMs span : {1, 31, 32, 63, 64, 65, 1'000, 2'047, 2'048, 100'000, 86'400'000}) {
    const EntryAt entry = add(kStart + span, kStart);
    EXPECT_FALSE(take(kStart + span - 1)) << span;
    EXPECT_EQ(take(kStart + span), entry) << span;
  }
}

TEST_F(DeadlinesTest, a_time_beyond_the_highest_level_is_kept_to_the_millisecond) {
  const TimeMs century = TimeMs{100} * 365 * 86'400'000;
  const EntryAt entry = add(kStart + century, kStart);
  EXPECT_FALSE(take(kStart + century - 1));
  EXPECT_EQ(take(kStart + century), entry);
}

TEST_F(DeadlinesTest, what_has_passed_is_due_at_once) {
  add(kStart + 500, kStart);
  const EntryAt late = add(kStart - 500, kStart);
  EXPECT_EQ(take(kStart), late);
  EXPECT_FALSE(take(kStart));
}

TEST_F(DeadlinesTest, what_is_due_stays_until_it_is_removed) {
  const EntryAt entry = add(kStart + 5, kStart);
  std::uint64_t visits = kPlenty;
  EXPECT_EQ(deadlines_.first_due_at(kStart + 5, visits), entry);
  EXPECT_EQ(deadlines_.first_due_at(kStart + 9, visits), entry);
  EXPECT_TRUE(Deadlines::has(*entry));
  remove(entry);
  EXPECT_FALSE(Deadlines::has(*entry));
  EXPECT_FALSE(deadlines_.first_due_at(kStart + 9, visits));
}

TEST_F(DeadlinesTest, the_earliest_comes_first_after_a_jump) {
  std::vector<TimeMs> dues = {40, 5'000, 7, 90'000, 4'999, 64, 3'000'000};
  for (const TimeMs due : dues) add(kStart + due, kStart);
  std::ranges::sort(dues);
  for (const TimeMs due : dues) {
    const EntryAt entry = take(kStart + 4'000'000);
    ASSERT_TRUE(entry);
    EXPECT_EQ(entry->deadline(), kStart + due);
  }
}

TEST_F(DeadlinesTest, a_removed_entry_is_never_due) {
  const EntryAt entry = add(kStart + 10, kStart);
  remove(entry);
  remove(entry);
  EXPECT_FALSE(take(kStart + 100));
  EXPECT_EQ(deadlines_.next_work(), kNever);
  EXPECT_EQ(deadlines_.size(), 0U);
}

TEST_F(DeadlinesTest, a_budget_stops_and_the_rest_is_remembered) {
  for (int i = 0; i < 100; ++i) add(kStart + 5'000, kStart);
  int taken = 0;
  int rounds = 0;
  while (deadlines_.size() > 0) {
    std::uint64_t visits = 7;
    while (take(kStart + 6'000, visits)) ++taken;
    EXPECT_TRUE(visits == 0 || deadlines_.size() == 0);
    ASSERT_LT(++rounds, 100);
  }
  EXPECT_EQ(taken, 100);
}

TEST_F(DeadlinesTest, prepared_in_time_nothing_is_handed_down_when_it_is_due) {
  std::mt19937_64 random(7);
  for (int i = 0; i < 2'000; ++i) add(kStart + static_cast<TimeMs>(random() % 200'000), kStart);
  for (TimeMs now = kStart; deadlines_.size() > 0; ++now) {
    std::uint64_t visits = kPlenty;
    std::uint64_t taken = 0;
    while (take(now, visits)) ++taken;
    ASSERT_EQ(kPlenty - visits, taken) << "at " << now - kStart;
    deadlines_.prepare(visits);
  }
}

TEST_F(DeadlinesTest, next_work_is_never_later_than_the_first_due_time) {
  add(kStart + 100'000, kStart);
  EXPECT_LE(deadlines_.next_work(), kStart + 100'000);
  add(kStart + 20, kStart);
  EXPECT_EQ(deadlines_.next_work(), kStart + 20);
  EXPECT_EQ(deadlines_.first_due(), kStart + 20);
}

TEST_F(DeadlinesTest, waking_at_next_work_alone_takes_everything_on_time) {
  std::mt19937_64 random(11);
  for (int i = 0; i < 500; ++i) add(kStart + static_cast<TimeMs>(random() % 10'000'000), kStart);
  TimeMs now = kStart;
  int wakes = 0;
  while (deadlines_.size() > 0) {
    now = std::max(now, deadlines_.next_work());
    std::uint64_t visits = kPlenty;
    while (const EntryAt entry = take(now, visits)) ASSERT_EQ(entry->deadline(), now);
    deadlines_.prepare(visits);
    ASSERT_LT(++wakes, 500 * 7);
  }
}

TEST_F(DeadlinesTest, a_copy_that_replaces_an_entry_is_due_in_its_stead) {
  std::vector<EntryAt> entries;
  for (int i = 0; i < 3; ++i) entries.push_back(add(kStart + 70, kStart));
  for (EntryAt& entry : entries) {
    const EntryAt fresh = make(Fields{.key = "k", .deadline = kStart + 70});
    const Transaction transaction(*arena_);
    fresh->due() = entry->due();
    deadlines_.replace(entry, fresh);
    writer_.free(entry);
    entry = fresh;
  }
  EXPECT_EQ(deadlines_.size(), 3U);
  for (int i = 0; i < 3; ++i) {
    const EntryAt due = take(kStart + 70);
    EXPECT_EQ(std::erase(entries, due), 1U);
  }
  EXPECT_EQ(deadlines_.next_work(), kNever);
}

/// Random insertions, removals, jumps and budgets against a multimap.
TEST_F(DeadlinesTest, agrees_with_a_sorted_map) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  std::multimap<TimeMs, EntryAt> expected;
  const auto forget = [&](EntryAt entry, TimeMs now) {
    const auto at = std::ranges::find_if(expected, [&](const auto& row) { return row.second == entry; });
    ASSERT_NE(at, expected.end());
    ASSERT_LE(at->first, now);
    expected.erase(at);
    writer_.free(entry);
  };
  TimeMs now = kStart;
  for (int round = 0; round < 200'000; ++round) {
    const std::uint64_t kind = random() % 100;
    if (kind < 50) {
      const TimeMs due = now + static_cast<TimeMs>(random() % (std::uint64_t{1} << random() % 42)) - 3;
      expected.emplace(due, add(due, now));
    } else if (kind < 60 && !expected.empty()) {
      auto at = expected.begin();
      std::advance(at, random() % std::min<std::size_t>(expected.size(), 5));
      remove(at->second);
      writer_.free(at->second);
      expected.erase(at);
    } else if (kind < 65) {
      std::uint64_t visits = random() % 4;
      const EntryAt entry = take(now, visits);
      if (!entry && visits > 0) deadlines_.prepare(visits);
      if (!entry) continue;
      ASSERT_NO_FATAL_FAILURE(forget(entry, now));
    } else if (kind < 75) {
      now += static_cast<TimeMs>(random() % (std::uint64_t{1} << random() % 20));
      while (const EntryAt entry = take(now)) ASSERT_NO_FATAL_FAILURE(forget(entry, now));
      ASSERT_TRUE(expected.empty() || expected.begin()->first > now);
      ASSERT_EQ(deadlines_.size(), expected.size());
    }
  }
}

}  // namespace
}  // namespace pannier::storage
