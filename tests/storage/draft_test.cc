#include "storage/draft.h"

#include <cstring>
#include <map>

#include "storage/arena_check.h"
#include "storage/takeover.h"
#include "tests/model/dice.h"
#include "tests/storage/arena_fixture.h"
#include "tests/storage/catalog_fixture.h"

namespace pannier::storage {
namespace {

std::string pattern(std::size_t bytes) {
  std::string value(bytes, '\0');
  for (std::size_t i = 0; i < bytes; ++i) value[i] = static_cast<char>('a' + i % 23);
  return value;
}

class Keeper : public DraftOwner {
 public:
  void gave_up(const BytesView& bytes) override {
    kept = bytes.str();
    ++times;
  }
  std::string kept;
  int times = 0;
};

/// Writes what of `value` goes into the draft, `at_once` bytes at a time, until it has `until` of them.
bool write(Draft& draft, std::string_view value, std::size_t at_once, std::uint64_t until, TimeMs now) {
  const std::string_view tail = value.substr(value.size() - draft.bytes());
  while (draft.bytes() - draft.left_bytes() < until) {
    const std::uint64_t from = draft.bytes() - draft.left_bytes();
    const auto parts = draft.room(now);
    if (parts.empty()) return false;
    std::size_t left = std::min<std::size_t>(at_once, until - from);
    std::uint64_t done = 0;
    for (const std::span<char> part : parts) {
      const std::size_t here = std::min(left, part.size());
      std::memcpy(part.data(), tail.data() + from + done, here);
      done += here;
      left -= here;
    }
    draft.written(done);
  }
  return true;
}

class DraftTest : public CatalogFixture {
 protected:
  DraftTest() {
    CatalogOptions options;
    options.memory_bytes_max = 4 * kMiB;
    start(options);
  }

  std::unique_ptr<Draft> begin(Cache& cache, std::string_view key, std::string_view value) {
    return cache.draft(key, value.size(), keeper_, kNow);
  }
  static bool write_all(Draft& draft, std::string_view value, std::size_t at_once = 10'000) {
    return write(draft, value, at_once, draft.bytes(), kNow);
  }
  static std::optional<Written> finish(Cache& cache, std::string_view key, std::string_view value,
                                       Draft& draft) {
    return cache.put_draft(cache.hashed(key), value.substr(0, value.size() - draft.bytes()), draft, kNow);
  }
  void put_drafted(Cache& cache, std::string_view key, std::string_view value, std::size_t at_once) {
    const auto draft = begin(cache, key, value);
    ASSERT_TRUE(draft);
    ASSERT_TRUE(write_all(*draft, value, at_once));
    ASSERT_TRUE(finish(cache, key, value, *draft));
  }
  std::uint64_t used() const { return catalog_->memory_used(); }
  void expect_sound() const { EXPECT_EQ(Check::fault_of(*catalog_), std::nullopt); }

  Keeper keeper_;
};

TEST_F(DraftTest, what_is_written_into_it_becomes_the_entry) {
  Cache& cache = open("c", {});
  for (const std::size_t bytes : {5'000U, 16'384U, 20'000U, 100'001U, 300'000U}) {
    for (const std::size_t at_once : {777U, 4'096U, 1'000'000U}) {
      const std::string whole = pattern(bytes);
      put_drafted(cache, "key", whole, at_once);
      EXPECT_EQ(value(cache, "key"), whole) << bytes << " by " << at_once;
      expect_sound();
    }
  }
  EXPECT_EQ(cache.entries(), 1U);
  EXPECT_EQ(cache.stats().puts, 15U);
  EXPECT_EQ(times("key", Change::kWritten), 15);
  EXPECT_EQ(keeper_.times, 0);
}

TEST_F(DraftTest, until_it_is_put_the_key_has_what_it_had) {
  Cache& cache = open("c", {});
  put(cache, "key", "old");
  const std::string whole = pattern(60'000);
  const auto draft = begin(cache, "key", whole);
  ASSERT_TRUE(write_all(*draft, whole));
  EXPECT_EQ(value(cache, "key"), "old");
  put(cache, "key", "newer");
  EXPECT_EQ(value(cache, "key"), "newer");
  ASSERT_TRUE(finish(cache, "key", whole, *draft));
  EXPECT_EQ(value(cache, "key"), whole);
}

TEST_F(DraftTest, it_takes_memory_for_what_comes_next_alone_and_gives_it_back) {
  Cache& cache = open("c", {});
  put(cache, "other", "value");
  const std::uint64_t before = used();
  const std::string whole = pattern(400'000);
  auto draft = begin(cache, "key", whole);
  EXPECT_EQ(used(), before);
  ASSERT_TRUE(write(*draft, whole, 30'000, 30'000, kNow));
  EXPECT_GE(used(), before + 30'000);
  EXPECT_LT(used(), before + 30'000 + Draft::kPartsMax * 512 + 4'096);
  expect_sound();
  draft.reset();
  while (catalog_->step(kNow, 1'000)) {
  }
  EXPECT_EQ(used(), before);
}

TEST_F(DraftTest, many_are_written_in_turns_while_entries_are_moved) {
  Cache& cache = open("c", {});
  int gone = 0;
  for (int i = 0; cache.stats().evictions == 0; ++i) put(cache, std::to_string(i), large(460));
  const std::string whole = pattern(50'000);
  std::vector<std::unique_ptr<Draft>> drafts;
  for (int i = 0; i < 8; ++i) drafts.push_back(begin(cache, "large-" + std::to_string(i), whole));
  const std::uint64_t moved = catalog_->arena_stats().moved_entries;
  for (std::uint64_t until = 5'000; until < drafts[0]->bytes() + 5'000; until += 5'000) {
    for (const auto& draft : drafts)
      ASSERT_TRUE(write(*draft, whole, 3'000, std::min(until, draft->bytes()), kNow));
    for (int i = 0; i < 600; ++i, ++gone) {
      if (gone % 9 != 0) cache.erase(std::to_string(gone), std::nullopt, kNow);
    }
    // Their pieces go where pages get short.
    for (std::uint64_t i = 0; i < 1'000; ++i) put(cache, std::to_string(until + i), large(until / 100 + 30));
    ASSERT_EQ(Check::fault_of(*catalog_), std::nullopt);
  }
  EXPECT_GT(catalog_->arena_stats().moved_entries, moved + 100);
  drafts.erase(drafts.begin() + 3);
  for (const auto& draft : drafts) {
    const std::string key = "large-" + std::to_string(&draft - drafts.data());
    ASSERT_TRUE(finish(cache, key, whole, *draft));
    EXPECT_EQ(value(cache, key), whole);
  }
  EXPECT_EQ(keeper_.times, 0);
}

TEST_F(DraftTest, entries_go_for_it_but_not_the_one_that_it_will_replace) {
  Cache& cache = open("c", {});
  put(cache, "key", "old");
  for (int i = 0; cache.stats().evictions == 0; ++i) {
    put(cache, std::to_string(i), large(4'000));
    cache.get("key", kNow);
  }
  // From here on it is the one that was not used for longest.
  for (int i = 0; i < 800; ++i) cache.get(std::to_string(i), kNow);
  const std::uint64_t evictions = cache.stats().evictions;
  const std::string whole = pattern(300'000);
  const auto draft = begin(cache, "key", whole);
  ASSERT_TRUE(write_all(*draft, whole));
  EXPECT_GT(cache.stats().evictions, evictions + 50);
  EXPECT_EQ(value(cache, "key"), "old");
  ASSERT_TRUE(finish(cache, "key", whole, *draft));
  EXPECT_EQ(value(cache, "key"), whole);
}

TEST_F(DraftTest, it_gives_up_its_room_to_an_entry_that_finds_no_other) {
  Cache& cache = open("c", {});
  const std::string whole = pattern(500'000);
  const auto draft = begin(cache, "key", whole);
  ASSERT_TRUE(write(*draft, whole, 40'000, 400'000, kNow));
  // As much as would be possible without it.
  const auto huge = cache.put("huge", large(10 * kMiB), {}, kNow);
  const std::uint64_t most = std::get<TooBig>(huge).limit_bytes - kEntryOverheadBytes - 4;
  put(cache, "huge", large(most));
  EXPECT_EQ(keeper_.times, 1);
  EXPECT_EQ(keeper_.kept, whole.substr(whole.size() - draft->bytes(), 400'000));
  EXPECT_TRUE(draft->room(kNow).empty());
  draft->give_up();
  EXPECT_EQ(keeper_.times, 1);
  EXPECT_FALSE(finish(cache, "key", whole, *draft));
  EXPECT_EQ(value(cache, "key"), "(none)");
}

TEST_F(DraftTest, where_nothing_may_go_there_is_no_room_for_it) {
  CatalogOptions options;
  options.memory_bytes_max = 4 * kMiB;
  options.dirty_bytes_max = 4 * kMiB;
  start(options);
  Cache& cache = open("c", durable());
  int i = 0;
  while (is<Written>(cache.put(std::to_string(i), large(4'000), {}, kNow))) ++i;
  const std::string whole = pattern(300'000);
  const auto draft = begin(cache, "key", whole);
  if (draft) {
    EXPECT_TRUE(draft->room(kNow).empty());
  }
  EXPECT_EQ(catalog_->write_back().totals().entries, static_cast<std::uint64_t>(i));
}

TEST_F(DraftTest, all_together_are_for_a_share_of_the_memory) {
  Cache& cache = open("c", {});
  std::vector<std::unique_ptr<Draft>> drafts;
  while (auto draft = cache.draft("key", 100'000, keeper_, kNow)) drafts.push_back(std::move(draft));
  EXPECT_EQ(drafts.size(), 4 * kMiB / Draft::kShare / 100'000);
  drafts.pop_back();
  EXPECT_TRUE(cache.draft("key", 100'000, keeper_, kNow));
  drafts.clear();
  while (auto draft = cache.draft("key", 6'000, keeper_, kNow)) drafts.push_back(std::move(draft));
  EXPECT_EQ(drafts.size(), Draft::kCountMax);
}

TEST_F(DraftTest, one_that_does_not_move_goes_where_there_would_be_no_place_for_another) {
  Cache& cache = open("c", {});
  const std::string whole = pattern(6'000);
  std::vector<std::unique_ptr<Draft>> drafts;
  while (auto draft = begin(cache, "key", whole)) drafts.push_back(std::move(draft));
  ASSERT_EQ(drafts.size(), Draft::kCountMax);
  const TimeMs almost = kNow + Draft::kIdleMs - 1;
  for (const auto& draft : drafts) {
    if (draft != drafts[7]) {
      ASSERT_TRUE(write(*draft, whole, 100, 300, almost));
    }
  }
  EXPECT_FALSE(cache.draft("key", whole.size(), keeper_, almost));
  EXPECT_EQ(keeper_.times, 0);
  const auto draft = cache.draft("key", whole.size(), keeper_, almost + 1);
  ASSERT_TRUE(draft);
  EXPECT_EQ(keeper_.times, 1);
  EXPECT_TRUE(drafts[7]->room(almost + 1).empty());
  EXPECT_FALSE(cache.draft("key", whole.size(), keeper_, almost + 1)) << "the others have moved";
  ASSERT_TRUE(write_all(*draft, whole));
  ASSERT_TRUE(finish(cache, "key", whole, *draft));
  expect_sound();
}

TEST_F(DraftTest, as_many_go_as_have_a_share_that_another_needs) {
  Cache& cache = open("c", {});
  const std::string whole = pattern(100'000);
  std::vector<std::unique_ptr<Draft>> drafts;
  while (auto draft = begin(cache, "key", whole)) drafts.push_back(std::move(draft));
  ASSERT_TRUE(write(*drafts[0], whole, 10'000, 70'000, kNow));
  const TimeMs later = kNow + Draft::kIdleMs;
  EXPECT_FALSE(cache.draft("key", 4 * kMiB / Draft::kShare + 10'000, keeper_, later));
  EXPECT_EQ(keeper_.times, 0) << "none goes in vain";
  EXPECT_TRUE(cache.draft("key", 250'000, keeper_, later));
  EXPECT_EQ(keeper_.times, 3);
  EXPECT_EQ(keeper_.kept.size(), 0U) << "into the last of these nothing was written";
  EXPECT_FALSE(finish(cache, "key", whole, *drafts[0]));
}

TEST_F(DraftTest, there_is_none_for_what_is_small_or_would_be_refused) {
  Settings bounded;
  bounded.bytes_max = 50'000;
  Cache& cache = open("bounded", bounded);
  EXPECT_FALSE(cache.draft("key", 60'000, keeper_, kNow));
  EXPECT_TRUE(cache.draft("key", 40'000, keeper_, kNow));
  EXPECT_FALSE(cache.draft("key", 300, keeper_, kNow));
  EXPECT_FALSE(cache.draft(large(5'000), 30'000, keeper_, kNow)) << "a part of the key would be in pieces";
  EXPECT_FALSE(cache.draft("key", std::uint64_t{1} << 40, keeper_, kNow));
}

TEST_F(DraftTest, a_cache_keeps_to_its_bounds) {
  Settings bounded;
  bounded.bytes_max = 100'000;
  Cache& cache = open("bounded", bounded);
  for (int i = 0; i < 9; ++i) put(cache, std::to_string(i), large(10'000));
  put_drafted(cache, "key", pattern(60'000), 9'000);
  EXPECT_LE(cache.used_bytes(), 100'000U);
  EXPECT_EQ(value(cache, "8"), large(10'000));
  EXPECT_EQ(value(cache, "0"), "(none)");
}

TEST_F(DraftTest, it_is_not_put_under_other_settings_than_it_was_begun_for) {
  Cache& cache = open("c", {});
  const std::string whole = pattern(60'000);
  const auto draft = begin(cache, "key", whole);
  ASSERT_TRUE(write_all(*draft, whole));
  Settings stale;
  stale.stale_ms = 1'000;
  ASSERT_TRUE(std::get<Opened>(catalog_->open("c", stale, true, kNow)).altered);
  EXPECT_FALSE(finish(cache, "key", whole, *draft));
  EXPECT_EQ(keeper_.times, 0);
  draft->give_up();
  EXPECT_EQ(keeper_.kept, whole.substr(whole.size() - draft->bytes()));
}

TEST_F(DraftTest, a_catalog_does_not_go_before_its_drafts) {
  Cache& cache = open("c", {});
  const std::string whole = pattern(60'000);
  const auto draft = begin(cache, "key", whole);
  ASSERT_TRUE(write_all(*draft, whole));
  EXPECT_DEATH(catalog_.reset(), "a draft outlives its catalog");
  ASSERT_TRUE(finish(cache, "key", whole, *draft));
  EXPECT_DEATH(catalog_.reset(), "a draft outlives its catalog") << "it is over, but there";
}

TEST_F(DraftTest, of_a_cache_that_is_dropped_it_takes_nothing_more) {
  Cache& cache = open("c", {});
  const std::string whole = pattern(400'000);
  const auto draft = begin(cache, "key", whole);
  ASSERT_TRUE(write(*draft, whole, 30'000, 30'000, kNow));
  catalog_->drop("c");
  while (catalog_->step(kNow, 1'000)) {
  }
  EXPECT_FALSE(write_all(*draft, whole));
  draft->give_up();
  const std::string_view tail = std::string_view(whole).substr(whole.size() - draft->bytes());
  EXPECT_EQ(keeper_.kept, tail.substr(0, keeper_.kept.size()));
  EXPECT_GE(keeper_.kept.size(), 30'000U);
}

TEST_F(DraftTest, what_is_on_disk_already_is_not_written_again) {
  Cache& cache = open("c", durable());
  const std::string whole = pattern(60'000);
  put(cache, "key", whole);
  const auto batch = catalog_->write_back().take_batch({});
  ASSERT_TRUE(batch);
  catalog_->write_back().batch_done(*batch, Wrote{{{cache.id(), 1}}});
  put_drafted(cache, "key", whole, 5'000);
  EXPECT_EQ(catalog_->write_back().totals().entries, 0U);
  std::string other = whole;
  other.back() = '!';
  put_drafted(cache, "key", other, 5'000);
  EXPECT_EQ(catalog_->write_back().totals().entries, 1U);
  EXPECT_EQ(value(cache, "key"), other);
}

TEST_F(DraftTest, whatever_else_is_done_it_holds_what_was_written) {
  CatalogOptions options;
  options.memory_bytes_max = kMiB;
  start(options);
  Cache& cache = open("c", {});
  Dice dice(7);
  struct Begun {
    std::unique_ptr<Draft> draft;
    std::string key;
    std::string whole;
    Keeper keeper;
  };
  std::vector<std::unique_ptr<Begun>> begun;
  std::map<std::string, std::string> latest;
  std::uint64_t put_drafts = 0;
  std::uint64_t given_up = 0;
  const auto expect_kept = [](const Begun& one) {
    const std::string_view tail = std::string_view(one.whole).substr(one.whole.size() - one.draft->bytes());
    EXPECT_EQ(one.keeper.kept, tail.substr(0, one.draft->bytes() - one.draft->left_bytes()));
  };
  for (int step = 0; step < 6'000; ++step) {
    const std::string key = dice.key(300);
    const std::uint64_t kind = dice.below(100);
    if (kind < 55) {
      const std::string bytes = dice.chance(2) ? dice.value(300'000, 700'000) : dice.value(20, 3'000);
      if (is<Written>(cache.put(key, bytes, {}, kNow))) latest[key] = bytes;
    } else if (kind < 65) {
      cache.erase(key, std::nullopt, kNow);
      latest.erase(key);
    } else if (kind < 75) {
      auto one = std::make_unique<Begun>();
      one->key = key;
      one->whole = dice.value(2'000, 40'000);
      one->draft = cache.draft(key, one->whole.size(), one->keeper, kNow);
      if (one->draft) begun.push_back(std::move(one));
    } else if (!begun.empty()) {
      const std::size_t which = dice.below(begun.size());
      Begun& one = *begun[which];
      const std::uint64_t written = one.draft->bytes() - one.draft->left_bytes();
      const std::uint64_t until = std::min(one.draft->bytes(), written + dice.below(9'000) + 1);
      const bool has_room = write(*one.draft, one.whole, dice.below(4'000) + 1, until, kNow);
      if (has_room && one.draft->left_bytes() > 0 && !dice.chance(3)) continue;
      if (has_room && one.draft->left_bytes() == 0 && finish(cache, one.key, one.whole, *one.draft)) {
        latest[one.key] = one.whole;
        ++put_drafts;
      } else if (dice.chance(80)) {
        one.draft->give_up();
        expect_kept(one);
        ++given_up;
      }
      begun.erase(begun.begin() + static_cast<std::ptrdiff_t>(which));
    }
    if (step % 50 == 0) expect_sound();
    const std::string found = value(cache, key);
    ASSERT_TRUE(found == "(none)" || found == latest[key]) << step;
  }
  EXPECT_GT(put_drafts, 50U);
  EXPECT_GT(given_up, 20U);
}

TEST_F(DraftTest, the_process_that_follows_one_that_died_takes_it_back) {
  Cache& cache = open("c", {});
  put(cache, "other", "value");
  const std::uint64_t before = used();
  const std::string whole = pattern(200'000);
  const auto first = begin(cache, "key", whole);
  const auto second = begin(cache, "key", whole);
  ASSERT_TRUE(write(*first, whole, 30'000, 60'000, kNow));
  ASSERT_TRUE(write(*second, whole, 30'000, 90'000, kNow));
  const std::string image = image_of(catalog_->arena().fd(), catalog_->arena().bytes());
  auto found = arena_of(Arena::attach(file_with(image)));
  EXPECT_NE(found->header().draft, kNoRef);
  auto taken = take_over(
      catalog_->options(), *this, std::move(found), [](std::uint64_t bytes) { return Arena::create(bytes); },
      kNow, false);
  const auto& took_over = std::get<TookOver>(taken);
  EXPECT_EQ(took_over.how.kind, Takeover::Kind::kAfterCrash) << took_over.how.text;
  Catalog& next = *took_over.catalog;
  EXPECT_EQ(next.arena().header().draft, kNoRef);
  EXPECT_EQ(value(*next.find("c"), "other"), "value");
  while (next.step(kNow, 1'000)) {
  }
  EXPECT_EQ(next.memory_used(), before);
  EXPECT_EQ(Check::fault_of(next), std::nullopt);
}

}  // namespace
}  // namespace pannier::storage
