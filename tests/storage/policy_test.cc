#include "storage/policy.h"

#include "tests/storage/arena_fixture.h"

namespace pannier::storage {
namespace {

class PolicyTest : public ArenaFixture, public testing::WithParamInterface<PolicyKind> {
 protected:
  EntryAt insert() {
    const EntryAt entry = make("k");
    const Transaction transaction(*arena_);
    policy_->inserted(entry, ++stamp_);
    return entry;
  }

  bool is_lru() const { return GetParam() == PolicyKind::kLru; }

  std::unique_ptr<Policy> policy_ = make_policy(GetParam(), *arena_, order_);
  std::uint64_t stamp_ = 0;
};

TEST_P(PolicyTest, without_uses_the_oldest_insertion_goes_first) {
  const EntryAt first = insert();
  const EntryAt second = insert();
  EXPECT_EQ(policy_->victim(kNoRef), first);
  const Transaction transaction(*arena_);
  policy_->removed(first);
  EXPECT_EQ(policy_->victim(kNoRef), second);
  policy_->removed(second);
  EXPECT_FALSE(policy_->victim(kNoRef));
}

TEST_P(PolicyTest, the_exception_does_not_go) {
  const EntryAt first = insert();
  EXPECT_FALSE(policy_->victim(first.ref));
  const EntryAt second = insert();
  EXPECT_EQ(policy_->victim(first.ref), second);
  EXPECT_EQ(policy_->victim(second.ref), first);
}

TEST_P(PolicyTest, a_use_saves_from_lru_and_not_from_fifo) {
  const EntryAt first = insert();
  const EntryAt second = insert();
  const Transaction transaction(*arena_);
  policy_->used(first, ++stamp_);
  EXPECT_EQ(policy_->victim(kNoRef), is_lru() ? second : first);
  EXPECT_EQ(first->place(), is_lru() ? 3U : 1U);
}

TEST_P(PolicyTest, an_overwrite_saves_from_lru_and_keeps_its_place_in_fifo) {
  const EntryAt first = insert();
  const EntryAt second = insert();
  const EntryAt fresh = make("k");
  const Transaction transaction(*arena_);
  policy_->replaced(first, fresh, ++stamp_);
  writer_.free(first);
  EXPECT_EQ(policy_->victim(kNoRef), is_lru() ? second : fresh);
  EXPECT_EQ(fresh->place(), is_lru() ? 3U : 1U);
  EXPECT_EQ(fresh->list(), Entry::List::kRecency);
  EXPECT_EQ(order_.size(), 2U);
}

INSTANTIATE_TEST_SUITE_P(policies, PolicyTest, testing::Values(PolicyKind::kLru, PolicyKind::kFifo),
                         [](const auto& kind) { return std::string(policy_name(kind.param)); });

}  // namespace
}  // namespace pannier::storage
