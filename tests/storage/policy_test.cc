#include "storage/policy.h"

#include <gtest/gtest.h>

namespace pannier::storage {
namespace {

class PolicyTest : public testing::TestWithParam<PolicyKind> {
 protected:
  Entry& insert() {
    entries_.push_back(make_entry(0, "k", ""));
    policy_->inserted(*entries_.back(), ++stamp_);
    return *entries_.back();
  }

  std::unique_ptr<Policy> policy_ = make_policy(GetParam());
  std::vector<EntryPointer> entries_;
  std::uint64_t stamp_ = 0;
};

TEST_P(PolicyTest, without_uses_the_oldest_insertion_goes_first) {
  Entry& first = insert();
  Entry& second = insert();
  EXPECT_EQ(policy_->victim(nullptr), &first);
  policy_->removed(first);
  EXPECT_EQ(policy_->victim(nullptr), &second);
  policy_->removed(second);
  EXPECT_EQ(policy_->victim(nullptr), nullptr);
}

TEST_P(PolicyTest, the_exception_does_not_go) {
  Entry& first = insert();
  EXPECT_EQ(policy_->victim(&first), nullptr);
  Entry& second = insert();
  EXPECT_EQ(policy_->victim(&first), &second);
  EXPECT_EQ(policy_->victim(&second), &first);
}

TEST_P(PolicyTest, a_use_saves_from_lru_and_not_from_fifo) {
  Entry& first = insert();
  Entry& second = insert();
  policy_->used(first, ++stamp_);
  EXPECT_EQ(policy_->victim(nullptr), GetParam() == PolicyKind::kLru ? &second : &first);
}

TEST_P(PolicyTest, an_overwrite_saves_from_lru_and_keeps_its_place_in_fifo) {
  Entry& first = insert();
  Entry& second = insert();
  const EntryPointer fresh = make_entry(0, "k", "");
  policy_->replaced(first, *fresh, ++stamp_);
  EXPECT_EQ(first.list, Entry::List::kNone);
  EXPECT_EQ(policy_->victim(nullptr), GetParam() == PolicyKind::kLru ? &second : fresh.get());
  EXPECT_EQ(fresh->place, GetParam() == PolicyKind::kLru ? 3U : 1U);
}

INSTANTIATE_TEST_SUITE_P(policies, PolicyTest, testing::Values(PolicyKind::kLru, PolicyKind::kFifo),
                         [](const auto& kind) { return std::string(policy_name(kind.param)); });

}  // namespace
}  // namespace pannier::storage
