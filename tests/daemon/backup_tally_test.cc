#include "daemon/backup_tally.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

namespace pannier::daemon {
namespace {

using storage::ImagePiece;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

ImagePiece piece_of(std::size_t records, const std::vector<std::optional<std::string>>& unreadable = {}) {
  ImagePiece piece;
  piece.records.resize(records);
  for (const auto& key : unreadable) piece.unreadable.push_back({key, {"why " + key.value_or("?"), true}});
  return piece;
}

TEST(BackupTally, nothing_is_missing_where_all_is_given) {
  BackupTally tally;
  tally.add(piece_of(3));
  tally.end_cache(0, 3);
  tally.end_cache(1, 0);
  EXPECT_THAT(tally.missing(), IsEmpty());
}

TEST(BackupTally, records_that_nobody_can_name_are_counted_by_what_the_store_has) {
  BackupTally tally;
  tally.add(piece_of(3, {std::nullopt}));
  tally.add(piece_of(2, {"k", std::nullopt}));
  tally.end_cache(4, 20);
  ASSERT_EQ(tally.missing().size(), 1);
  EXPECT_EQ(tally.missing()[0].cache, 4);
  EXPECT_EQ(tally.missing()[0].records, 15);
  EXPECT_THAT(tally.missing()[0].keys, ElementsAre("k"));
  EXPECT_EQ(tally.missing()[0].error, "why ?") << "the first";
}

TEST(BackupTally, damage_that_costs_no_record_is_not_told) {
  BackupTally tally;
  tally.add(piece_of(3, {std::nullopt}));
  tally.end_cache(0, 3);
  tally.add(piece_of(1));
  tally.end_cache(1, 1);
  EXPECT_THAT(tally.missing(), IsEmpty());
}

TEST(BackupTally, what_is_known_to_be_missing_counts_whatever_the_store_says) {
  BackupTally tally;
  tally.add(piece_of(3, {"a", "b"}));
  tally.end_cache(0, 2);
  ASSERT_EQ(tally.missing().size(), 1);
  EXPECT_EQ(tally.missing()[0].records, 2);
}

TEST(BackupTally, caches_are_counted_apart_and_keys_are_bounded_over_all_of_them) {
  BackupTally tally;
  const std::vector<std::optional<std::string>> many(BackupTally::kKeysMax - 1, "k");
  tally.add(piece_of(0, many));
  tally.end_cache(0, many.size());
  tally.add(piece_of(1, {"a", "b"}));
  tally.end_cache(1, 3);
  ASSERT_EQ(tally.missing().size(), 2);
  EXPECT_EQ(tally.missing()[0].keys.size(), many.size());
  EXPECT_THAT(tally.missing()[1].keys, ElementsAre("a"));
  EXPECT_EQ(tally.missing()[1].records, 2);
}

}  // namespace
}  // namespace pannier::daemon
