#include "daemon/params.h"

#include <gtest/gtest.h>

#include <string>

#include "protocol/writer.h"

namespace pannier::daemon {
namespace {

using protocol::ErrorCode;
using protocol::Writer;

class ParamsTest : public testing::Test {
 protected:
  Params params() { return Params("method", bytes_, limits_); }

  std::string bytes_;
  Writer writer_{bytes_};
  ClientLimits limits_;
};

TEST_F(ParamsTest, reads_in_order_and_options_by_name) {
  writer_.array(3);
  writer_.string("cache");
  writer_.binary("key");
  writer_.map(2);
  writer_.binary("ttl_ms");
  writer_.integer(5);
  writer_.string("sync");
  writer_.boolean(true);
  auto read = params();
  EXPECT_EQ(read.cache_name(), "cache");
  EXPECT_EQ(read.key(), "key");
  read.options({"sync", "ttl_ms"});
  EXPECT_TRUE(read.flag("sync"));
  EXPECT_EQ(read.ttl().ms, 5U);
  EXPECT_FALSE(read.fault());
}

TEST_F(ParamsTest, the_first_fault_sticks) {
  writer_.array(2);
  writer_.integer(-7);
  writer_.nil();
  auto read = params();
  read.cache_name();
  read.key();
  const auto fault = read.fault();
  ASSERT_TRUE(fault);
  EXPECT_EQ(fault->code, ErrorCode::kBadRequest);
  EXPECT_NE(fault->text.find("-7"), std::string::npos) << fault->text;
}

TEST_F(ParamsTest, what_is_missing_and_what_is_too_much_is_said) {
  writer_.array(1);
  writer_.string("cache");
  auto missing = params();
  missing.cache_name();
  missing.key();
  EXPECT_EQ(missing.fault()->text, "method: key is missing");
  auto left = params();
  EXPECT_EQ(left.fault()->text, "method: 1 more parameters than it takes");
}

TEST_F(ParamsTest, unknown_and_doubled_options_are_refused) {
  writer_.array(1);
  writer_.map(2);
  writer_.string("a");
  writer_.nil();
  writer_.string("a");
  writer_.nil();
  auto doubled = params();
  doubled.options({"a"});
  EXPECT_NE(doubled.fault()->text.find("twice"), std::string::npos);
  auto unknown = params();
  unknown.options({"b"});
  EXPECT_NE(unknown.fault()->text.find("known are b"), std::string::npos);
}

TEST_F(ParamsTest, nil_stands_for_no_options) {
  writer_.array(1);
  writer_.nil();
  auto read = params();
  read.options({"a"});
  EXPECT_FALSE(read.fault());
  EXPECT_FALSE(read.has("a"));
}

TEST_F(ParamsTest, a_key_over_the_limit_is_too_large_and_an_empty_one_bad) {
  writer_.array(2);
  writer_.string(std::string(65'536, 'k'));
  writer_.string("");
  auto read = params();
  read.key();
  EXPECT_EQ(read.fault()->code, ErrorCode::kTooLarge);
  bytes_.clear();
  writer_.array(1);
  writer_.string("");
  auto empty = params();
  empty.key();
  EXPECT_EQ(empty.fault()->code, ErrorCode::kBadRequest);
}

TEST_F(ParamsTest, a_duration_is_an_integer_up_to_two_to_the_53) {
  const auto fault_of = [&](auto write) {
    bytes_.clear();
    writer_.array(1);
    writer_.map(1);
    writer_.string("ttl_ms");
    write();
    auto read = params();
    read.options({"ttl_ms"});
    read.ttl();
    return read.fault().has_value();
  };
  EXPECT_FALSE(fault_of([&] { writer_.unsigned_integer(std::uint64_t{1} << 53); }));
  EXPECT_TRUE(fault_of([&] { writer_.unsigned_integer((std::uint64_t{1} << 53) + 1); }));
  EXPECT_TRUE(fault_of([&] { writer_.integer(-1); }));
  EXPECT_TRUE(fault_of([&] { writer_.real(1.0); }));
  EXPECT_FALSE(fault_of([&] { writer_.nil(); }));
}

TEST_F(ParamsTest, keys_and_pairs_are_read_one_by_one_up_to_the_first_that_is_wrong) {
  writer_.array(2);
  writer_.array(2);
  writer_.string("a");
  writer_.binary("b");
  writer_.array(3);
  for (const std::string_view key : {"c", "", "d"}) {
    writer_.array(2);
    writer_.string(key);
    writer_.array(0);
  }
  auto read = params();
  EXPECT_EQ(read.keys(), 2U);
  EXPECT_EQ(read.next_key(), "a");
  EXPECT_EQ(read.next_key(), "b");
  EXPECT_EQ(read.pairs(), 3U);
  const std::pair<std::string_view, std::string_view> first("c", "\x90");
  EXPECT_EQ(read.next_pair(), first);
  EXPECT_TRUE(read.next_pair().first.empty());
  EXPECT_TRUE(read.has_fault());
  EXPECT_TRUE(read.next_pair().first.empty());
  EXPECT_EQ(read.fault()->text, "method: key of pairs[1] is empty; a key has 1 to 65535 bytes");
}

TEST_F(ParamsTest, many_keys_are_counted_before_they_are_read) {
  limits_.keys_max = 2;
  writer_.array(1);
  writer_.array(3);
  for (int i = 0; i < 3; ++i) writer_.string("k");
  auto read = params();
  EXPECT_EQ(read.keys(), 0U);
  EXPECT_EQ(read.fault()->code, ErrorCode::kTooLarge);
}

}  // namespace
}  // namespace pannier::daemon
