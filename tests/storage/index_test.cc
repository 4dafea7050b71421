#include "storage/index.h"

#include <algorithm>
#include <map>
#include <set>

#include "tests/storage/arena_fixture.h"

namespace pannier::storage {
namespace {

class IndexTest : public ArenaFixture {
 protected:
  IndexTest() : ArenaFixture(4 * kMiB) {}

  EntryAt add(const std::string& key) { return link(make(key)); }
  void erase(const std::string& key) { unlink_and_free(find(key)); }
};

TEST_F(IndexTest, finds_what_was_inserted_through_growth_and_shrinking) {
  for (int i = 0; i < 5'000; ++i) add("key" + std::to_string(i));
  for (int i = 0; i < 5'000; ++i) {
    const EntryAt entry = find("key" + std::to_string(i));
    ASSERT_TRUE(entry) << i;
    ASSERT_EQ(key_of(*arena_, entry).str(), "key" + std::to_string(i));
  }
  EXPECT_FALSE(find("key5000"));
  expect_sound();
  for (int i = 0; i < 5'000; i += 2) erase("key" + std::to_string(i));
  for (int i = 0; i < 5'000; ++i) ASSERT_EQ(bool(find("key" + std::to_string(i))), i % 2 == 1) << i;
}

TEST_F(IndexTest, keeps_between_8_entries_and_24_a_home) {
  for (int i = 0; i < 3'000; ++i) {
    add(std::to_string(i));
    ASSERT_LE(index_.size(), 24 * index_.homes());
    ASSERT_TRUE(index_.homes() == 1 || index_.size() >= 8 * index_.homes());
  }
  for (int i = 0; i < 3'000; ++i) {
    erase(std::to_string(i));
    ASSERT_LE(index_.size(), 24 * index_.homes());
    ASSERT_TRUE(index_.homes() == 1 || index_.size() >= 8 * index_.homes());
  }
}

TEST_F(IndexTest, entries_that_go_in_another_order_than_buckets_merge_make_no_long_chains) {
  constexpr int kEntries = 4'000;
  // Of 167 homes, 89 are not split yet and have 31 entries on average; hashes are seeded anew in each run.
  // More than this in one of them is a matter of 10^-12.
  constexpr std::size_t kHomeMax = 80;
  for (int i = 0; i < kEntries; ++i) add(std::to_string(i));
  // As a clear goes: by points, which are the hashes' bits in reverse.
  std::vector<EntryAt> bucket;
  for (std::optional<std::uint64_t> point = 0; point;) {
    bucket.clear();
    point = Index::point_after(index_.home_at(*point, bucket));
    ASSERT_LE(bucket.size(), kHomeMax);
    for (const EntryAt entry : bucket) erase(key_of(*arena_, entry).str());
  }
  EXPECT_EQ(index_.size(), 0U);
  while (index_.maintain()) {
  }
  EXPECT_EQ(index_.homes(), 1U);
}

TEST_F(IndexTest, a_home_whose_unused_bucket_is_damaged_is_found) {
  add("a");
  const auto& leaf = arena_->at<Ref>(record_.index.leaves[0]);
  auto& unused = (&arena_->at<IndexBucket>(leaf))[1];
  ASSERT_EQ(index_.homes(), 1U);
  expect_sound();
  for (std::uint32_t* const word : {&unused.refs[3], &unused.tags[0], &unused.overflow}) {
    *word = 1;
    EXPECT_NE(ArenaCheck(*arena_).fault(), std::nullopt);
    *word = 0;
  }
}

TEST_F(IndexTest, an_insertion_takes_no_more_pages_than_it_says) {
  std::uint64_t most = 0;
  for (int i = 0; i < 40'000; ++i) {
    const std::string key = std::to_string(i);
    const EntryAt entry = make(key);
    ready(Index::kPagesNeeded);
    const std::uint64_t before = slots_.ready_pages();
    {
      const Transaction transaction(*arena_);
      index_.insert(hash(key), entry.ref);
    }
    index_.maintain();
    // It may also free one, that of an overflow bucket.
    most = std::max(most, before - std::min(before, slots_.ready_pages()));
    ASSERT_LE(most, Index::kPagesNeeded) << i;
  }
  EXPECT_GE(most, 1U);
}

TEST_F(IndexTest, takes_no_memory_when_it_is_dismantled) {
  const std::uint64_t before = slots_.internal_bytes();
  EXPECT_EQ(index_.bytes(), 0U);
  add("a");
  EXPECT_EQ(index_.bytes(), 2 * std::uint64_t{kBlockBytes});
  for (int i = 0; i < 5'000; ++i) add(std::to_string(i));
  for (int i = 0; i < 5'000; ++i) erase(std::to_string(i));
  erase("a");
  while (index_.dismantle()) {
  }
  EXPECT_EQ(index_.bytes(), 0U);
  EXPECT_EQ(index_.homes(), 0U);
  EXPECT_EQ(slots_.internal_bytes(), before);
  add("again");
  EXPECT_TRUE(find("again"));
}

TEST_F(IndexTest, replaces_an_entry_where_it_is) {
  for (int i = 0; i < 100; ++i) add(std::to_string(i));
  const EntryAt old_entry = find("42");
  const EntryAt fresh = make("42", "new");
  {
    const Transaction transaction(*arena_);
    index_.replace(hash("42"), old_entry.ref, fresh.ref);
    order_.remove(old_entry);
    order_.push_newest(fresh);
    set_place(*arena_, fresh, ++arena_->header().stamp);
    writer_.free(old_entry);
  }
  EXPECT_EQ(find("42"), fresh);
  EXPECT_EQ(index_.size(), 100U);
}

TEST_F(IndexTest, gives_any_entry_until_there_is_none) {
  std::set<std::string> keys;
  for (int i = 0; i < 1'000; ++i) keys.insert(key_of(*arena_, add(std::to_string(i))).str());
  while (const EntryAt entry = index_.any()) {
    EXPECT_EQ(keys.erase(key_of(*arena_, entry).str()), 1U);
    unlink_and_free(entry);
  }
  EXPECT_TRUE(keys.empty());
}

TEST_F(IndexTest, a_key_of_the_same_tag_and_bucket_is_another_key) {
  // Until two keys share the low bits and the byte that a bucket keeps of each hash.
  std::map<std::uint64_t, std::string> seen;
  for (int i = 0;; ++i) {
    const std::string key = std::to_string(i);
    const auto [at, is_new] = seen.try_emplace((hash(key) >> 56 << 3) | (hash(key) & 7), key);
    if (is_new) continue;
    add(at->second);
    EXPECT_FALSE(find(key));
    EXPECT_NE(add(key), find(at->second));
    EXPECT_EQ(key_of(*arena_, find(key)).str(), key);
    break;
  }
}

TEST_F(IndexTest, buckets_cover_all_points_once_whatever_their_number) {
  for (int i = 0; i < 300; ++i) {
    add(std::to_string(i));
    std::uint64_t buckets = 0;
    std::uint64_t entries = 0;
    std::vector<EntryAt> bucket;
    for (std::optional<std::uint64_t> point = 0; point; ++buckets) {
      bucket.clear();
      const std::uint64_t last_point = index_.home_at(*point, bucket);
      for (const EntryAt entry : bucket) {
        ASSERT_GE(point_of(index_.hash_of_entry(entry)), *point);
        ASSERT_LE(point_of(index_.hash_of_entry(entry)), last_point);
        ++entries;
      }
      point = Index::point_after(last_point);
    }
    ASSERT_EQ(buckets, index_.homes());
    ASSERT_EQ(entries, index_.size());
  }
}

/// Walks bucket by bucket, and calls `between` after each.
template <typename Between>
std::map<std::string, int> walk(const Arena& arena, const Index& index, Between between) {
  std::map<std::string, int> seen;
  std::vector<EntryAt> bucket;
  for (std::optional<std::uint64_t> point = 0; point;) {
    bucket.clear();
    const std::uint64_t last_point = index.home_at(*point, bucket);
    for (const EntryAt entry : bucket) {
      if (point_of(index.hash_of_entry(entry)) >= *point) ++seen[key_of(arena, entry).str()];
    }
    point = Index::point_after(last_point);
    between();
  }
  return seen;
}

TEST_F(IndexTest, a_walk_sees_every_key_once_while_the_index_grows) {
  for (int i = 0; i < 500; ++i) add("old" + std::to_string(i));
  int added = 0;
  const auto seen = walk(*arena_, index_, [&] {
    for (int i = 0; i < 40 && added < 20'000; ++i) add("new" + std::to_string(added++));
  });
  EXPECT_GT(added, 1'000);
  for (int i = 0; i < 500; ++i) EXPECT_EQ(seen.count("old" + std::to_string(i)), 1U) << i;
  for (const auto& [key, times] : seen) EXPECT_EQ(times, 1) << key;
}

TEST_F(IndexTest, a_walk_sees_every_key_once_while_the_index_shrinks) {
  for (int i = 0; i < 5'000; ++i) add("going" + std::to_string(i));
  for (int i = 0; i < 500; ++i) add("staying" + std::to_string(i));
  int gone = 0;
  const auto seen = walk(*arena_, index_, [&] {
    for (int i = 0; i < 20 && gone < 5'000; ++i) erase("going" + std::to_string(gone++));
  });
  for (int i = 0; i < 500; ++i) EXPECT_EQ(seen.count("staying" + std::to_string(i)), 1U) << i;
  for (const auto& [key, times] : seen) EXPECT_EQ(times, 1) << key;
}

TEST(PointTest, is_its_own_inverse) {
  EXPECT_EQ(point_of(1), std::uint64_t{1} << 63);
  for (std::uint64_t hash = 1; hash != 0; hash <<= 1)
    EXPECT_EQ(point_of(point_of(hash * 0x9e3779b97f4a7c15)), hash * 0x9e3779b97f4a7c15);
}

TEST(HashTest, depends_on_the_seed) {
  EXPECT_EQ(hash_of("key", 1), hash_of("key", 1));
  EXPECT_NE(hash_of("key", 1), hash_of("key", 2));
  EXPECT_NE(random_seed(), random_seed());
}

}  // namespace
}  // namespace pannier::storage
