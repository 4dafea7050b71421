// How long methods took between two answers of `info`.
#include "client/cli/top_latency.h"

#include <gtest/gtest.h>

#include "protocol/writer.h"

namespace pannier::cli {
namespace {

TEST(TopLatency, is_that_of_the_answers_between) {
  const MethodTimes before = {{"get", {{100, 50}, {400, 9}}}, {"info", {{500, 2}}}};
  const MethodTimes now = {
      {"get", {{100, 50}, {200, 98}, {400, 9}, {900, 2}}}, {"info", {{500, 2}}}, {"put", {{300, 1}}}};
  const auto methods = methods_between(before, now);
  ASSERT_EQ(methods.size(), 2u);
  EXPECT_EQ(methods[0].name, "get");
  EXPECT_EQ(methods[0].answered, 100u);
  EXPECT_EQ(methods[0].p50_ns, 200u);
  EXPECT_EQ(methods[0].p99_ns, 900u);
  EXPECT_EQ(methods[1].name, "put");
  EXPECT_EQ(methods[1].p50_ns, 300u);
  EXPECT_EQ(methods[1].p99_ns, 300u);
}

std::string info_with(std::string_view method, std::uint64_t last_ns, std::uint64_t count) {
  std::string info;
  protocol::Writer writer(info);
  writer.map(2);
  writer.string("server");
  writer.map(0);
  writer.string("methods");
  writer.map(1);
  writer.string(method);
  writer.map(2);
  writer.string("requests");
  writer.unsigned_integer(count);
  writer.string("buckets");
  writer.array(1);
  writer.array(2);
  writer.unsigned_integer(last_ns);
  writer.unsigned_integer(count);
  return info;
}

TEST(TopLatency, is_read_out_of_an_answer_of_info) {
  const auto times = read_method_times(info_with("get", 1'500, 7));
  ASSERT_EQ(times.size(), 1u);
  ASSERT_EQ(times.at("get").size(), 1u);
  EXPECT_EQ(times.at("get")[0].last_ns, 1'500u);
  EXPECT_EQ(times.at("get")[0].count, 7u);
}

TEST(TopLatency, of_an_answer_that_is_cut_short_is_none_or_less) {
  const auto whole = info_with("get", 1'500, 7);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_LE(read_method_times(whole.substr(0, size)).size(), 1u) << size;
  }
}

}  // namespace
}  // namespace pannier::cli
