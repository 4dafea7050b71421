#include "storage/index.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "storage/hash.h"

namespace pannier::storage {
namespace {

class IndexTest : public testing::Test {
 protected:
  ~IndexTest() override {
    while (Entry* entry = index_.take_any()) EntryDeleter{}(entry);
  }

  Entry& add(const std::string& key) {
    Entry* entry = make_entry(hash_of(key, 7), key, "").release();
    index_.insert(*entry);
    return *entry;
  }

  Entry* find(const std::string& key) const { return index_.find(hash_of(key, 7), key); }

  void erase(const std::string& key) {
    Entry* entry = find(key);
    index_.erase(*entry);
    EntryDeleter{}(entry);
  }

  std::uint64_t memory_bytes_ = 0;
  Index index_{memory_bytes_};
};

TEST_F(IndexTest, finds_what_was_inserted_through_growth_and_shrinking) {
  for (int i = 0; i < 5'000; ++i) add("key" + std::to_string(i));
  for (int i = 0; i < 5'000; ++i) ASSERT_NE(find("key" + std::to_string(i)), nullptr) << i;
  EXPECT_EQ(find("key5000"), nullptr);
  for (int i = 0; i < 5'000; i += 2) erase("key" + std::to_string(i));
  for (int i = 0; i < 5'000; ++i) ASSERT_EQ(find("key" + std::to_string(i)) != nullptr, i % 2 == 1) << i;
}

TEST_F(IndexTest, keeps_between_half_an_entry_and_one_a_bucket) {
  for (int i = 0; i < 3'000; ++i) {
    add(std::to_string(i));
    EXPECT_GE(index_.buckets(), index_.size());
    EXPECT_LE(index_.buckets(), 2 * index_.size());
  }
  for (int i = 0; i < 3'000; ++i) {
    erase(std::to_string(i));
    EXPECT_GE(index_.buckets(), index_.size());
    EXPECT_LE(index_.buckets(), 2 * index_.size());
  }
}

TEST_F(IndexTest, tells_before_an_insertion_how_much_memory_it_takes) {
  for (int i = 0; i < 140'000; ++i) {
    const std::uint64_t expected = index_.bytes() + index_.growth_bytes();
    add(std::to_string(i));
    ASSERT_EQ(index_.bytes(), expected) << i;
    ASSERT_EQ(memory_bytes_, expected) << i;
  }
}

TEST_F(IndexTest, takes_no_memory_when_it_is_empty) {
  EXPECT_EQ(index_.bytes(), 0U);
  add("a");
  EXPECT_EQ(index_.bytes(), Index::bytes_min());
  erase("a");
  EXPECT_EQ(memory_bytes_, 0U);
}

TEST_F(IndexTest, replaces_an_entry_where_it_is) {
  for (int i = 0; i < 100; ++i) add(std::to_string(i));
  Entry* old_entry = find("42");
  EntryPointer fresh = make_entry(old_entry->hash, "42", "new");
  index_.replace(*old_entry, *fresh);
  EntryDeleter{}(old_entry);
  EXPECT_EQ(find("42"), fresh.release());
  EXPECT_EQ(index_.size(), 100U);
}

TEST_F(IndexTest, takes_every_entry_out_once) {
  std::set<std::string> keys;
  for (int i = 0; i < 1'000; ++i) keys.insert(std::string(add(std::to_string(i)).key()));
  while (Entry* entry = index_.take_any()) {
    EXPECT_EQ(keys.erase(std::string(entry->key())), 1U);
    EntryDeleter{}(entry);
  }
  EXPECT_TRUE(keys.empty());
  EXPECT_EQ(memory_bytes_, 0U);
}

TEST_F(IndexTest, buckets_cover_all_points_once_whatever_their_number) {
  for (int i = 0; i < 300; ++i) {
    add(std::to_string(i));
    std::uint64_t buckets = 0;
    std::uint64_t entries = 0;
    for (std::optional<std::uint64_t> point = 0; point; ++buckets) {
      const Index::Bucket bucket = index_.bucket_at(*point);
      for (const Entry* entry = bucket.first; entry != nullptr; entry = entry->chain, ++entries) {
        ASSERT_GE(point_of(entry->hash), *point);
        ASSERT_LE(point_of(entry->hash), bucket.last_point);
      }
      point = bucket.next_point();
    }
    ASSERT_EQ(buckets, index_.buckets());
    ASSERT_EQ(entries, index_.size());
  }
}

/// Walks bucket by bucket, and calls `between` after each.
template <typename Between>
std::map<std::string, int> walk(const Index& index, Between between) {
  std::map<std::string, int> seen;
  for (std::optional<std::uint64_t> point = 0; point;) {
    const Index::Bucket bucket = index.bucket_at(*point);
    for (const Entry* entry = bucket.first; entry != nullptr; entry = entry->chain) {
      if (point_of(entry->hash) >= *point) ++seen[std::string(entry->key())];
    }
    point = bucket.next_point();
    between();
  }
  return seen;
}

TEST_F(IndexTest, a_walk_sees_every_key_once_while_the_index_grows) {
  for (int i = 0; i < 500; ++i) add("old" + std::to_string(i));
  int added = 0;
  const auto seen = walk(index_, [&] {
    for (int i = 0; i < 10 && added < 20'000; ++i) add("new" + std::to_string(added++));
  });
  for (int i = 0; i < 500; ++i) EXPECT_EQ(seen.count("old" + std::to_string(i)), 1U) << i;
  for (const auto& [key, times] : seen) EXPECT_EQ(times, 1) << key;
}

TEST_F(IndexTest, a_walk_sees_every_key_once_while_the_index_shrinks) {
  for (int i = 0; i < 5'000; ++i) add("going" + std::to_string(i));
  for (int i = 0; i < 500; ++i) add("staying" + std::to_string(i));
  int gone = 0;
  const auto seen = walk(index_, [&] {
    for (int i = 0; i < 8 && gone < 5'000; ++i) erase("going" + std::to_string(gone++));
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
