// Tapes: pieces of them are the requests they say they are.
#include "client/load/tape.h"

#include <gtest/gtest.h>

#include <string>

#include "client/load/rpc_dialect.h"

namespace pannier::load {
namespace {

const Entries kEntries(1'000, 64);

std::string request(const Dialect& dialect, const Asked& asked) {
  std::string out;
  dialect.append_request(out, asked);
  return out;
}

TEST(Tape, a_piece_is_its_requests_one_behind_the_other) {
  const RpcDialect dialect(kEntries, "c");
  for (const Mix mix : {Mix::kGet, Mix::kGetPut, Mix::kGetMany, Mix::kPut, Mix::kPutTtl}) {
    const auto tape = Tape::of_load(dialect, kEntries, mix, KeyChoice::kZipf);
    std::string expected;
    for (std::uint32_t i = 100; i < 150; ++i) expected += request(dialect, tape.asked(i));
    EXPECT_EQ(tape.bytes({100, 50}), expected);
    EXPECT_EQ(tape.bytes({tape.size() - 1, 1}), request(dialect, tape.asked(tape.size() - 1)));
    EXPECT_EQ(tape.asked(7).numbers.size(), keys_of(mix));
  }
}

TEST(Tape, one_of_ten_in_a_mix_is_a_put) {
  const RpcDialect dialect(kEntries, "c");
  const auto tape = Tape::of_load(dialect, kEntries, Mix::kGetPut, KeyChoice::kUniform);
  double puts = 0;
  for (std::uint32_t i = 0; i < tape.size(); ++i) puts += tape.asked(i).kind == Kind::kPut ? 1 : 0;
  EXPECT_NEAR(puts / tape.size(), 0.1, 0.005);
}

TEST(Tape, puts_of_large_values_are_few) {
  const Entries large(100, std::size_t{1} << 20);
  const RpcDialect dialect(large, "c");
  const auto tape = Tape::of_load(dialect, large, Mix::kPut, KeyChoice::kUniform);
  EXPECT_EQ(tape.size(), 64U);
  for (std::uint32_t i = 0; i < tape.size(); ++i) EXPECT_EQ(tape.asked(i).kind, Kind::kPut);
}

TEST(Tape, ids_have_two_bytes_and_follow_each_other) {
  const RpcDialect dialect(kEntries, "c");
  const auto tape = Tape::of_load(dialect, kEntries, Mix::kGet, KeyChoice::kUniform);
  for (std::uint32_t i = 1; i < tape.size(); ++i) {
    EXPECT_GE(tape.asked(i).id, kIdMin);
    EXPECT_NE(tape.asked(i).id, tape.asked(i - 1).id);
  }
}

TEST(Tape, puts_write_each_number_once_in_order) {
  const RpcDialect dialect(kEntries, "c");
  const auto tape = Tape::of_puts(dialect, 5, 9);
  ASSERT_EQ(tape.size(), 4U);
  for (std::uint32_t i = 0; i < 4; ++i) {
    EXPECT_EQ(tape.asked(i).kind, Kind::kPut);
    EXPECT_EQ(tape.asked(i).numbers.front(), 5 + i);
  }
}

}  // namespace
}  // namespace pannier::load
