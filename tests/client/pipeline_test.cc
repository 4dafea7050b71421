// Pipelines against the real daemon.
#include "pannier/pipeline.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

#include "pannier/client.h"
#include "tests/client/daemon_process.h"

namespace pannier::test {
namespace {

class PipelineTest : public ::testing::Test {
 protected:
  DaemonProcess daemon_;
  Client client_{daemon_.options()};
};

TEST_F(PipelineTest, replies_come_in_the_order_of_the_requests) {
  auto pipeline = client_.pipeline();
  pipeline.put("lru", "a", 1).get("lru", "a").get("lru", "none").increment("lru", "a", 4);
  pipeline.get_many("lru", {"a", "none"}).touch("lru", "a").erase("lru", "a").erase_many("lru", {"a", "b"});
  pipeline.call("ping", "\x90");
  const auto replies = pipeline.run();
  ASSERT_EQ(replies.size(), 9u);
  EXPECT_TRUE(replies[0].version());
  EXPECT_EQ(replies[1].value<int>(), 1);
  EXPECT_EQ(replies[2].value<int>(), std::nullopt);
  EXPECT_EQ(replies[3].integer(), 5);
  EXPECT_EQ(replies[4].values_raw().at(0), "\x05");
  EXPECT_EQ(replies[4].values_raw().at(1), std::nullopt);
  EXPECT_TRUE(replies[5].flag());
  EXPECT_TRUE(replies[6].flag());
  EXPECT_EQ(replies[7].count(), 0u);
  EXPECT_EQ(unpack<std::string>(replies[8].result()), "pong");
}

TEST_F(PipelineTest, each_request_has_its_own_error) {
  auto pipeline = client_.pipeline();
  const auto replies =
      pipeline.put("lru", "k", "text").increment("lru", "k").get("no_cache", "k").get("lru", "k").run();
  EXPECT_TRUE(replies[0].ok());
  EXPECT_FALSE(replies[1].ok());
  try {
    replies[1].integer();
    FAIL() << "no error";
  } catch (const ServerError& error) {
    EXPECT_EQ(error.code(), ErrorCode::kNotANumber);
  }
  EXPECT_THROW(replies[2].check(), ServerError);
  EXPECT_EQ(replies[3].value<std::string>(), "text");
}

TEST_F(PipelineTest, pipeline_is_used_again_after_run) {
  auto pipeline = client_.pipeline();
  EXPECT_EQ(pipeline.put("lru", "k", 1).run().size(), 1u);
  EXPECT_EQ(pipeline.size(), 0u);
  EXPECT_EQ(pipeline.get("lru", "k").run().at(0).value<int>(), 1);
}

TEST_F(PipelineTest, many_large_requests_go_through) {
  constexpr int kRequests = 64;
  const std::string large(std::size_t{256} << 10, 'v');
  auto pipeline = client_.pipeline();
  for (int i = 0; i < kRequests; ++i) pipeline.put("lru", "k", large).get("lru", "k");
  const auto replies = pipeline.run();
  ASSERT_EQ(replies.size(), std::size_t{2} * kRequests);
  for (std::size_t i = 1; i < replies.size(); i += 2) EXPECT_EQ(replies[i].value<std::string>(), large);
}

TEST_F(PipelineTest, pipelines_of_one_client_run_at_once) {
  std::vector<std::thread> threads;
  for (int i = 0; i < 6; ++i) {
    threads.emplace_back([&] {
      auto pipeline = client_.pipeline();
      for (int n = 0; n < 100; ++n) pipeline.increment("lru", "n");
      for (const auto& reply : pipeline.run()) EXPECT_GT(reply.integer(), 0);
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(client_.get<int>("lru", "n"), 600);
}

}  // namespace
}  // namespace pannier::test
