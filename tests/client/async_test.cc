// AsyncClient against the real daemon.
#include "pannier/async.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/client/daemon_process.h"
#include "tests/client/uv_test_loop.h"

namespace pannier::test {
namespace {

using std::chrono::hours;
using std::chrono::seconds;
using ::testing::ElementsAre;

class AsyncTest : public ::testing::Test {
 protected:
  AsyncOptions options() const { return {.path = daemon_.path(), .request_timeout = seconds(30)}; }

  /// Runs the loop until `call` has come to something.
  template <class T>
  Outcome<T> wait(Call<T> call) {
    std::optional<Outcome<T>> outcome;
    std::move(call).then([&](Outcome<T> came) { outcome.emplace(std::move(came)); });
    EXPECT_TRUE(loop_.run_until([&] { return outcome.has_value(); }));
    return *std::move(outcome);
  }

  DaemonProcess daemon_;
  UvTestLoop loop_;
  std::optional<AsyncClient> client_{std::in_place, loop_.get(), options()};

  void TearDown() override { client_.reset(); }
};

TEST_F(AsyncTest, every_method_comes_to_its_result) {
  EXPECT_TRUE(wait(client_->open("c", {.tier = Tier::kLru, .max_entries = 9})).value());
  EXPECT_TRUE(wait(client_->put("c", "k", 7, {.ttl = hours(1)})).value());
  EXPECT_EQ(wait(client_->get<int>("c", "k")).value(), 7);
  EXPECT_EQ(wait(client_->get_raw("c", "k")).value(), "\x07");
  EXPECT_EQ(wait(client_->get<int>("c", "none")).value(), std::nullopt);
  EXPECT_EQ(wait(client_->get_entry<int>("c", "k")).value()->value, 7);
  EXPECT_THAT(wait(client_->get_many<int>("c", {"none", "k"})).value(), ElementsAre(std::nullopt, 7));
  EXPECT_EQ(wait(client_->put_many_raw("c", {{"a", "\x01"}, {"b", "\x02"}})).value().size(), 2u);
  EXPECT_TRUE(wait(client_->erase("c", "a")).value());
  EXPECT_EQ(wait(client_->erase_many("c", {"a", "b"})).value(), 1u);
  EXPECT_TRUE(wait(client_->touch("c", "k")).value());
  EXPECT_EQ(wait(client_->increment("c", "n", 5)).value(), 5);
  EXPECT_EQ(wait(client_->keys("c")).value().keys.size(), 2u);
  EXPECT_EQ(wait(client_->info("c")).value().maxsize, 9u);
  EXPECT_TRUE(wait(client_->info()).value().caches.contains("c"));
  EXPECT_EQ(wait(client_->clear("c")).value(), 2u);
  EXPECT_EQ(wait(client_->call("ping", "\x90")).value(), pack("pong"));
  EXPECT_TRUE(wait(client_->drop("c")).value());
  wait(client_->sync("durable")).value();
}

TEST_F(AsyncTest, many_requests_are_in_flight_and_each_gets_its_own_result) {
  constexpr int kRequests = 2000;
  int right = 0;
  for (int i = 0; i < kRequests; ++i) client_->put("lru", std::to_string(i), i).then([](const auto&) {});
  for (int i = 0; i < kRequests; ++i) {
    client_->get<int>("lru", std::to_string(i)).then([&, i](const auto& found) {
      right += found.value() == i;
    });
  }
  EXPECT_EQ(client_->in_flight(), std::size_t{2} * kRequests);
  loop_.run();
  EXPECT_EQ(right, kRequests);
  EXPECT_EQ(client_->in_flight(), 0u);
}

TEST_F(AsyncTest, callback_runs_on_the_loop_and_never_inside_the_call) {
  bool is_called = false;
  client_->get<int>("lru", "k").then([&](const auto&) { is_called = true; });
  EXPECT_FALSE(is_called);
  loop_.run();
  EXPECT_TRUE(is_called);
}

TEST_F(AsyncTest, error_comes_as_the_outcome) {
  EXPECT_EQ(error_of<ServerError>(wait(client_->get<int>("none", "k"))).code(), ErrorCode::kUnknownCache);
  wait(client_->put("lru", "k", "text")).value();
  EXPECT_EQ(error_of<Error>(wait(client_->get<int>("lru", "k"))).code(), ErrorCode::kUnpack);
  EXPECT_THROW(static_cast<void>(client_->put_raw("lru", "k", "\x01\x02")), InvalidArgument);
}

TEST_F(AsyncTest, large_values_go_both_ways) {
  const std::string large(std::size_t{2} << 20, 'v');
  wait(client_->put("lru", "k", large)).value();
  EXPECT_EQ(wait(client_->get<std::string>("lru", "k")).value(), large);
}

TEST_F(AsyncTest, writes_behind_a_request_that_was_too_large_are_not_lost) {
  const std::string large(std::size_t{64} << 20, 'v');
  for (int i = 0; i < 3; ++i) {
    std::optional<Outcome<std::optional<Version>>> behind;
    client_->put("lru", "large", large).then([&](const auto& refused) {
      EXPECT_EQ(error_of<Error>(refused).code(), ErrorCode::kTooLarge);
      client_->put("lru", "k", i).then([&](const auto& put) { behind.emplace(put); });
    });
    loop_.run();
    EXPECT_TRUE(behind && behind->value());
  }
}

TEST_F(AsyncTest, write_that_waits_while_a_request_that_is_too_large_is_sent_goes_over_a_new_connection) {
  auto more = options();
  more.in_flight_bytes_max = std::size_t{1} << 30;
  client_.emplace(loop_.get(), more);
  int refused = 0;
  int put = 0;
  client_->put("lru", "large", std::string(std::size_t{200} << 20, 'v')).then([&](const auto& outcome) {
    refused += error_of<Error>(outcome).code() == ErrorCode::kTooLarge;
  });
  client_->put("lru", "k", 1).then([&](const auto& outcome) { put += outcome.ok(); });
  loop_.run();
  EXPECT_EQ(refused, 1);
  EXPECT_EQ(put, 1);
}

TEST_F(AsyncTest, lease_outlives_a_small_request_that_is_refused) {
  const auto token = wait(client_->lease<int>("lru", "k")).value().token;
  EXPECT_THROW(wait(client_->get<int>("lru", std::string(65'536, 'k'))).value(), ServerError);
  EXPECT_TRUE(wait(client_->put("lru", "k", 1, {.lease = token})).value());
}

TEST_F(AsyncTest, request_above_the_limit_is_refused_and_the_others_go_on) {
  auto few = options();
  few.in_flight_max = 2;
  client_.emplace(loop_.get(), few);
  int done = 0;
  const auto count = [&](const auto& outcome) { done += outcome.ok(); };
  client_->touch("lru", "k").then(count);
  client_->touch("lru", "k").then(count);
  try {
    client_->touch("lru", "k").then(count);
    FAIL() << "three requests";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kOverloaded);
  }
  loop_.run();
  EXPECT_EQ(done, 2);
}

TEST_F(AsyncTest, wait_for_a_lease_holds_up_neither_the_loop_nor_other_requests) {
  UvTicks ticks(loop_);
  const auto token = wait(client_->lease<int>("lru", "k")).value().token;
  ASSERT_TRUE(token);
  std::optional<int> got;
  client_->lease<int>("lru", "k", {.wait = seconds(20)}).then([&](const auto& found) {
    got = found.value().value;
  });
  EXPECT_EQ(wait(client_->increment("lru", "n")).value(), 1);
  const int before = ticks.count();
  loop_.run_until([&] { return ticks.count() > before + 10; });
  EXPECT_FALSE(got);
  wait(client_->put("lru", "k", 42, {.lease = *token})).value();
  loop_.run_until([&] { return got.has_value(); });
  EXPECT_EQ(got, 42);
}

TEST_F(AsyncTest, lease_that_is_released_passes_to_the_next) {
  const auto token = wait(client_->lease<int>("lru", "k")).value().token;
  std::optional<Token> next;
  client_->lease<int>("lru", "k", {.wait = seconds(20)}).then([&](const auto& found) {
    next = found.value().token;
  });
  EXPECT_TRUE(wait(client_->release("lru", "k", *token)).value());
  loop_.run_until([&] { return next.has_value(); });
  EXPECT_NE(next, token);
}

TEST_F(AsyncTest, lease_is_over_with_the_connection) {
  const auto token = wait(client_->lease<int>("lru", "k")).value().token;
  client_.emplace(loop_.get(), options());
  EXPECT_TRUE(wait(client_->lease<int>("lru", "k", {.wait = seconds(20)})).value().token);
  EXPECT_EQ(wait(client_->put("lru", "k", 1, {.lease = *token})).value(), std::nullopt);
}

TEST_F(AsyncTest, client_goes_on_after_a_restart_of_the_daemon) {
  wait(client_->put("durable", "k", 1)).value();
  daemon_.stop();
  EXPECT_FALSE(error_of<ConnectionError>(wait(client_->get<int>("durable", "k"))).may_have_run());
  daemon_.start();
  EXPECT_EQ(wait(client_->get<int>("durable", "k")).value(), 1);
  EXPECT_TRUE(wait(client_->put("lru", "k", 1)).ok());
}

TEST_F(AsyncTest, first_write_after_a_restart_succeeds) {
  wait(client_->put("lru", "k", 1)).value();
  daemon_.stop();
  daemon_.start();
  EXPECT_TRUE(wait(client_->put("lru", "k", 1)).ok()) << "over the connection whose daemon is gone";
}

TEST_F(AsyncTest, destruction_calls_back_what_is_in_flight_once_and_drops_what_is_asked_then) {
  wait(client_->lease<int>("lru", "k")).value();
  AsyncClient& client = *client_;
  int ended = 0;
  for (int i = 0; i < 3; ++i) {
    client.lease<int>("lru", "k", {.wait = seconds(20)}).then([&](const auto& found) {
      ++ended;
      EXPECT_EQ(error_of<Error>(found).code(), ErrorCode::kConnection);
      client.get<int>("lru", "k").then([](const auto&) { FAIL() << "nothing comes of it"; });
    });
  }
  wait(client_->increment("lru", "n")).value();
  client_.reset();
  EXPECT_EQ(ended, 3);
  loop_.run();
  EXPECT_EQ(ended, 3);
}

TEST_F(AsyncTest, client_may_be_destroyed_in_a_callback) {
  int called = 0;
  for (int i = 0; i < 5; ++i) {
    client_->increment("lru", "n").then([&](const auto& sum) {
      const bool is_first = ++called == 1;
      if (is_first) client_.reset();
      EXPECT_EQ(sum.ok(), is_first);
    });
  }
  loop_.run();
  EXPECT_EQ(called, 5);
}

TEST_F(AsyncTest, callbacks_that_are_due_with_the_one_that_destroys_the_client_come_before_its_end) {
  daemon_.stop();
  int called = 0;
  for (int i = 0; i < 5; ++i) {
    client_->increment("lru", "n").then([&](const auto& sum) {
      EXPECT_EQ(error_of<Error>(sum).code(), ErrorCode::kConnection);
      if (++called > 1) return;
      client_.reset();
      EXPECT_EQ(called, 5) << "what they use may be gone when the destructor has returned";
    });
  }
  loop_.run();
  EXPECT_EQ(called, 5);
}

TEST_F(AsyncTest, call_that_outlives_the_client_is_dropped) {
  auto call = client_->get<int>("lru", "k");
  client_.reset();
  std::move(call).then([](const auto&) { FAIL() << "nothing comes of it"; });
  loop_.run();
}

TEST_F(AsyncTest, loop_ends_while_nothing_is_in_flight) {
  wait(client_->put("lru", "k", 1)).value();
  loop_.run();
  EXPECT_EQ(wait(client_->get<int>("lru", "k")).value(), 1);
}

}  // namespace
}  // namespace pannier::test
