#include "storage/use_ring.h"

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <thread>
#include <vector>

namespace pannier::storage {
namespace {

class UseRingTest : public ::testing::Test {
 protected:
  /// Of all places together, by ordinal.
  std::map<std::uint32_t, std::uint64_t> take() {
    std::map<std::uint32_t, std::uint64_t> hits;
    ring_->take_hits([&](UseRing::Place place, std::uint32_t ordinal, std::uint64_t count) {
      hits[ordinal] += count - seen_[place];
      seen_[place] = count;
    });
    return hits;
  }

  const std::unique_ptr<UseRing> ring_ = std::make_unique<UseRing>();
  std::map<UseRing::Place, std::uint64_t> seen_;
};

TEST_F(UseRingTest, hits_add_up_whoever_counts_them) {
  UseRing::Counter* const first = ring_->take_counter(7);
  UseRing::Counter* const second = ring_->take_counter(7);
  ASSERT_NE(first, nullptr);
  ASSERT_NE(second, nullptr);
  EXPECT_NE(first, second);
  first->note_hit();
  first->note_hit();
  second->note_hit();
  ring_->note_hit(7);
  ring_->note_hit(8);
  EXPECT_EQ(take(), (std::map<std::uint32_t, std::uint64_t>{{7, 4}, {8, 1}}));
  second->note_hit();
  EXPECT_EQ(take()[7], 1U);
}

TEST_F(UseRingTest, a_counter_is_never_given_to_two) {
  std::map<UseRing::Counter*, std::uint32_t> taken;
  for (std::uint32_t i = 0; i < UseRing::kCounters; ++i) ++taken[ring_->take_counter(i)];
  EXPECT_EQ(taken.size(), UseRing::kCounters);
  EXPECT_EQ(taken.count(nullptr), 0U);
  for (int i = 0; i < 1'000; ++i) ASSERT_EQ(ring_->take_counter(0), nullptr);
}

TEST_F(UseRingTest, no_hit_is_lost_while_they_are_taken) {
  constexpr std::uint64_t kHits = 100'000;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([this, i] {
      // Two of them have a counter each, two share what is for all.
      UseRing::Counter* const own = i % 2 == 0 ? ring_->take_counter(3) : nullptr;
      for (std::uint64_t hit = 0; hit < kHits; ++hit) own != nullptr ? own->note_hit() : ring_->note_hit(3);
    });
  }
  std::uint64_t hits = 0;
  for (int i = 0; i < 1'000; ++i) hits += take()[3];
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(hits + take()[3], 4 * kHits);
}

TEST_F(UseRingTest, what_a_client_writes_there_stays_within_bounds) {
  // As a client can, which may write all of it.
  std::fill_n(reinterpret_cast<unsigned char*>(ring_.get()), sizeof(UseRing),
              static_cast<unsigned char>(0xff));
  EXPECT_EQ(ring_->take_counter(0), nullptr);
  ring_->take_hits([](UseRing::Place place, std::uint32_t ordinal, std::uint64_t) {
    ASSERT_LT(place, kCachesMax + UseRing::kCounters);
    ASSERT_LT(ordinal, kCachesMax);
  });
}

}  // namespace
}  // namespace pannier::storage
