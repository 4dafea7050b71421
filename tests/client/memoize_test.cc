// memoize() within one process, against the real daemon, and against a peer that never answers.
#include "pannier/memoize.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>
#include <future>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "tests/client/daemon_process.h"
#include "tests/client/scripted_peer.h"

namespace pannier::test {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;
using SteadyClock = std::chrono::steady_clock;

milliseconds time_of(const std::function<void()>& act) {
  const auto start = SteadyClock::now();
  act();
  return std::chrono::duration_cast<milliseconds>(SteadyClock::now() - start);
}

void in_threads(int count, const std::function<void(int)>& act) {
  std::vector<std::thread> threads;
  for (int i = 0; i < count; ++i) threads.emplace_back(act, i);
  for (auto& thread : threads) thread.join();
}

class MemoizeTest : public ::testing::Test {
 protected:
  /// Doubles, and counts its calls.
  auto doubled(MemoizeOptions options = {}) {
    return memoize(
        client_.cache("lru"), [this](int n) { return ++calls_, 2 * n; }, std::move(options));
  }

  DaemonProcess daemon_;
  Client client_{daemon_.options()};
  std::atomic<int> calls_ = 0;
};

TEST_F(MemoizeTest, result_is_computed_once_and_then_comes_from_the_cache) {
  const auto f = doubled({.ttl = hours(1)});
  EXPECT_EQ(f(21), 42);
  EXPECT_EQ(f(21), 42);
  EXPECT_EQ(f(4), 8);
  EXPECT_EQ(calls_, 2);
  EXPECT_GT(*client_.get_entry<int>("lru", f.key(21))->ttl, milliseconds(0));
}

/// Counts how often one was unpacked.
struct Unpacked {
  int number = 0;
  static inline std::atomic<int> times = 0;

  template <typename Packer>
  void msgpack_pack(Packer& packer) const {
    packer.pack(number);
  }
  void msgpack_unpack(const msgpack::object& object) {
    ++times;
    number = object.as<int>();
  }
};

class KeptResultsTest : public ::testing::Test {
 protected:
  auto counted(MemoizeOptions options = {}) {
    return memoize(
        client_.cache("lru"), [](int n) { return Unpacked{2 * n}; }, std::move(options));
  }
  ClientOptions options_at_once() {
    ClientOptions options = daemon_.options();
    options.shared_reads = SharedReads::kAtOnce;
    return options;
  }

  DaemonProcess daemon_;
  Client client_{options_at_once()};
};

TEST_F(KeptResultsTest, unchanged_result_is_unpacked_once) {
  const auto f = counted();
  f(21);
  const int before = Unpacked::times;
  for (int i = 0; i < 100; ++i) EXPECT_EQ(f(21).number, 42);
  EXPECT_EQ(Unpacked::times, before + 1);
  EXPECT_GE(client_.info("lru").hits, 100u);
}

TEST_F(KeptResultsTest, result_that_others_write_or_erase_is_noticed_by_the_next_call) {
  const auto f = counted();
  Client other(daemon_.options());
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(f(1).number, i == 0 ? 2 : i);
    EXPECT_EQ(f(1).number, i == 0 ? 2 : i);
    other.put("lru", f.key(1), i + 1);
    EXPECT_EQ(f(1).number, i + 1);
  }
  other.erase("lru", f.key(1));
  EXPECT_EQ(f(1).number, 2);
}

TEST_F(KeptResultsTest, result_is_gone_with_its_deadline) {
  int calls = 0;
  constexpr auto kTtl = milliseconds(100);
  const auto f = memoize(client_.cache("lru"), [&](int n) { return ++calls, n; }, {.ttl = kTtl});
  const auto took = time_of([&] {
    for (int i = 0; i < 10; ++i) f(1);
  });
  EXPECT_LE(calls, 1 + took / kTtl) << "one, unless the machine is very slow";
  const int before = calls;
  std::this_thread::sleep_for(kTtl + milliseconds(20));
  f(1);
  EXPECT_EQ(calls, before + 1);
}

TEST_F(KeptResultsTest, no_more_are_kept_than_its_bytes) {
  for (const auto& [keep_bytes, unpacked] :
       {std::pair<std::size_t, int>{0, 20}, {2 * 270, 20}, {16 << 20, 0}}) {
    const auto f = counted({.keep_bytes = keep_bytes});
    for (int n = 0; n < 10; ++n) f(n), f(n);
    const int before = Unpacked::times;
    for (int round = 0; round < 2; ++round) {
      for (int n = 0; n < 10; ++n) EXPECT_EQ(f(n).number, 2 * n);
    }
    EXPECT_EQ(Unpacked::times - before, unpacked) << keep_bytes;
  }
}

TEST_F(MemoizeTest, arguments_count_as_the_function_declares_them) {
  const auto f = memoize(client_.cache("lru"), [](const std::string& text, std::int64_t n, double x) {
    return text + std::to_string(n) + (x > 0 ? "+" : "-");
  });
  EXPECT_EQ(f.key("a", 1, 2),
            "\x93\xa1"
            "a\x01\x02");
  EXPECT_EQ(f("a", 1, 2), "a1+");
  EXPECT_EQ(f(std::string("a"), std::uint8_t{1}, 2.0F), "a1+");
  EXPECT_EQ(client_.info("lru").currsize, 1u);
}

TEST_F(MemoizeTest, prefix_keeps_functions_of_one_cache_apart) {
  const auto f = doubled({.prefix = "f:"});
  const auto g = memoize(client_.cache("lru"), [](int n) { return n; }, {.prefix = "g:"});
  EXPECT_EQ(f(1), 2);
  EXPECT_EQ(g(1), 1);
}

TEST_F(MemoizeTest, key_function_decides_which_calls_are_the_same) {
  const auto f = memoize(
      client_.cache("lru"), [this](std::string_view text) { return ++calls_, text.size(); }, {},
      [](std::string_view text) { return std::string(text.substr(0, 1)); });
  EXPECT_EQ(f("abc"), 3u);
  EXPECT_EQ(f("a"), 3u);
  EXPECT_EQ(client_.get<std::size_t>("lru", "a"), 3u);
}

TEST_F(MemoizeTest, result_that_is_forgotten_is_computed_anew) {
  const auto f = doubled();
  f(1);
  EXPECT_TRUE(f.forget(1));
  EXPECT_FALSE(f.forget(1));
  f(1);
  EXPECT_EQ(calls_, 2);
}

TEST_F(MemoizeTest, empty_optional_is_a_result_and_cached) {
  const auto f = memoize(client_.cache("lru"), [this](int) { return ++calls_, std::optional<int>(); });
  EXPECT_EQ(f(1), std::nullopt);
  EXPECT_EQ(f(1), std::nullopt);
  EXPECT_EQ(calls_, 1);
}

TEST_F(MemoizeTest, sixteen_threads_that_miss_one_key_compute_it_once) {
  const auto f = memoize(client_.cache("lru"), [this](int n) {
    std::this_thread::sleep_for(milliseconds(50));
    return ++calls_, 2 * n;
  });
  in_threads(16, [&](int) { EXPECT_EQ(f(21), 42); });
  EXPECT_EQ(calls_, 1);
}

TEST_F(MemoizeTest, exception_reaches_its_caller_and_the_next_one_computes) {
  const auto f = memoize(client_.cache("lru"), [this](int n) {
    std::this_thread::sleep_for(milliseconds(30));
    if (++calls_ == 1) throw std::runtime_error("the first fails");
    return n;
  });
  std::atomic<int> failures = 0;
  in_threads(4, [&](int) {
    try {
      EXPECT_EQ(f(7), 7);
    } catch (const std::runtime_error&) {
      ++failures;
    }
  });
  EXPECT_EQ(failures, 1);
  EXPECT_EQ(calls_, 2);
}

class SlowHolderTest : public MemoizeTest {
 protected:
  /// A thread that computes f(1) to be -1 under a short lease, and goes on until it is let go.
  std::thread slow_holder() {
    std::thread holder([this] {
      const auto f = memoize(client_.cache("lru"),
                             [this](int) { return is_computing_ = true, is_let_go_.get_future().wait(), -1; },
                             {.lease = {.duration = milliseconds(100)}});
      EXPECT_EQ(f(1), -1) << "its own result";
    });
    while (!is_computing_) std::this_thread::yield();
    return holder;
  }

  const MemoizeOptions patient_{.lease = {.duration = seconds(60), .wait = seconds(20)}};
  std::atomic<bool> is_computing_ = false;
  std::promise<void> is_let_go_;
};

TEST_F(SlowHolderTest, is_replaced_when_its_lease_is_over) {
  std::thread holder = slow_holder();
  const auto f = doubled(patient_);
  EXPECT_LT(time_of([&] { EXPECT_EQ(f(1), 2); }), *patient_.lease.wait / 2);
  is_let_go_.set_value();
  holder.join();
  EXPECT_EQ(f(1), 2) << "the result that was late is not cached";
}

TEST_F(SlowHolderTest, is_replaced_by_one_of_all_who_wait) {
  std::thread holder = slow_holder();
  const auto f = doubled(patient_);
  in_threads(7, [&](int) { EXPECT_EQ(f(1), 2); });
  EXPECT_EQ(calls_, 1);
  is_let_go_.set_value();
  holder.join();
}

TEST_F(MemoizeTest, caller_computes_by_itself_when_its_wait_is_over) {
  const auto held = client_.lease<int>("lru", doubled().key(1)).lease;
  ASSERT_TRUE(held);
  const auto f = doubled({.lease = {.wait = milliseconds(30)}});
  EXPECT_EQ(f(1), 2);
  EXPECT_EQ(f(1), 2);
  EXPECT_EQ(calls_, 1) << "the result is there for others";
}

TEST_F(MemoizeTest, one_refreshes_a_stale_result_and_all_others_use_it) {
  std::promise<void> may_end;
  const auto end = may_end.get_future().share();
  const auto f = memoize(client_.cache("lru"),
                         [this, end](int) {
                           const int call = ++calls_;
                           if (call == 2) end.wait();
                           return call;
                         },
                         {.ttl = milliseconds(1), .stale = hours(1)});
  EXPECT_EQ(f(1), 1);
  std::this_thread::sleep_for(milliseconds(10));
  std::thread refresher([&] { EXPECT_EQ(f(1), 2); });
  while (calls_ < 2) std::this_thread::yield();
  in_threads(4, [&](int) { EXPECT_EQ(f(1), 1); });
  may_end.set_value();
  refresher.join();
  EXPECT_EQ(calls_, 2);
}

TEST_F(MemoizeTest, refresh_on_another_thread_keeps_nobody_waiting) {
  std::vector<std::function<void()>> jobs;
  const auto f =
      memoize(client_.cache("lru"),
              [this](std::string_view text) { return std::string(text) + std::to_string(++calls_); },
              {.ttl = milliseconds(1), .stale = hours(1), .refresh_on = [&](auto job) {
                 jobs.push_back(std::move(job));
               }});
  f("a");
  std::this_thread::sleep_for(milliseconds(10));
  EXPECT_EQ(f(std::string("a")), "a1");
  EXPECT_EQ(f(std::string("a")), "a1");
  ASSERT_EQ(jobs.size(), 1u);
  std::thread(jobs[0]).join();
  EXPECT_EQ(f("a"), "a2");
}

TEST_F(MemoizeTest, refresh_that_is_never_run_is_left_to_a_later_caller) {
  const auto f = doubled({.ttl = milliseconds(1), .stale = hours(1), .refresh_on = [](auto) {}});
  f(1);
  std::this_thread::sleep_for(milliseconds(10));
  f(1);
  EXPECT_TRUE(client_.lease<int>("lru", f.key(1), {.wait = seconds(20)}).lease);
}

TEST_F(MemoizeTest, call_for_the_key_that_its_thread_computes_does_not_wait_for_itself) {
  std::function<int(int)> self;
  const auto f = memoize(client_.cache("lru"), [&](int n) { return ++calls_ < 3 ? self(n) + 1 : 0; });
  self = f;
  EXPECT_LT(time_of([&] { EXPECT_EQ(f(1), 2); }), seconds(5));
  EXPECT_EQ(f(1), 2) << "the outer result is cached";
  EXPECT_EQ(calls_, 3);
}

TEST_F(MemoizeTest, recursion_over_other_keys_computes_each_once) {
  std::function<std::uint64_t(int)> self;
  const auto f = memoize(client_.cache("lru"), [&](int n) -> std::uint64_t {
    ++calls_;
    return n < 2 ? static_cast<std::uint64_t>(n) : self(n - 1) + self(n - 2);
  });
  self = f;
  EXPECT_EQ(f(50), 12'586'269'025u);
  EXPECT_EQ(calls_, 51);
}

TEST_F(MemoizeTest, cache_that_the_daemon_does_not_know_is_opened) {
  const auto options = MemoizeOptions{.open = CacheSettings{.tier = Tier::kLru, .max_entries = 10}};
  const auto f = memoize(
      client_.cache("squares"), [this](int n) { return ++calls_, n * n; }, options);
  EXPECT_EQ(f(3), 9);
  client_.drop("squares");
  EXPECT_EQ(f(3), 9);
  EXPECT_EQ(f(3), 9);
  EXPECT_EQ(calls_, 2);
  EXPECT_EQ(client_.info("squares").maxsize, 10u);
}

TEST_F(MemoizeTest, failure_of_the_cache_is_told_and_reaches_no_caller) {
  std::vector<ErrorCode> told;
  const auto f = memoize(client_.cache("none"), [](int n) { return n; },
                         {.on_failure = [&](const Error& error) { told.push_back(error.code()); }});
  EXPECT_EQ(f(1), 1);
  EXPECT_EQ(f(1), 1);
  EXPECT_EQ(told, std::vector(2, ErrorCode::kUnknownCache));
}

TEST_F(MemoizeTest, failure_of_the_cache_is_raised_if_asked_for) {
  const auto f = memoize(client_.cache("none"), [](int n) { return n; }, {.on_error = OnError::kRaise});
  EXPECT_THROW(f(1), ServerError);
  const auto g = doubled({.on_error = OnError::kRaise});
  EXPECT_EQ(g(1), 2);
  client_.put("lru", g.key(1), "text");
  EXPECT_THROW(g(1), UnpackError);
}

TEST_F(MemoizeTest, value_of_another_type_is_overwritten) {
  const auto f = doubled();
  client_.put("lru", f.key(1), "text");
  EXPECT_EQ(f(1), 2);
  EXPECT_EQ(f(1), 2);
  EXPECT_EQ(calls_, 1);
}

TEST_F(MemoizeTest, computes_while_the_daemon_is_away_and_uses_it_when_it_is_back) {
  const auto f = doubled({.retry_after = milliseconds(20)});
  EXPECT_EQ(f(1), 2);
  daemon_.kill();
  for (int i = 0; i < 3; ++i) EXPECT_EQ(f(1), 2);
  EXPECT_EQ(calls_, 4);
  daemon_.start();
  std::this_thread::sleep_for(milliseconds(30));
  f(1);
  f(1);
  EXPECT_EQ(calls_, 5);
}

TEST_F(MemoizeTest, daemon_killed_and_restarted_under_threads_lets_no_exception_through) {
  const auto f = memoize(client_.cache("lru"), [](int n) { return 2 * n; }, {.retry_after = milliseconds(5)});
  std::atomic<bool> is_over = false;
  std::atomic<int> calls = 0;
  std::thread killer([&] {
    for (int i = 0; i < 3; ++i) {
      std::this_thread::sleep_for(milliseconds(30));
      daemon_.kill();
      std::this_thread::sleep_for(milliseconds(30));
      daemon_.start();
    }
    while (calls < 100) std::this_thread::sleep_for(milliseconds(1));
    is_over = true;
  });
  in_threads(8, [&](int) {
    for (int n = 0; !is_over; ++n, ++calls) EXPECT_NO_THROW(EXPECT_EQ(f(n % 100), 2 * (n % 100)));
  });
  killer.join();
  std::this_thread::sleep_for(milliseconds(10));
  EXPECT_EQ(f(7), 14);
  EXPECT_EQ(client_.get<int>("lru", f.key(7)), 14) << "the daemon is used again";
}

TEST(Memoize, silent_daemon_costs_one_attempt_each_time_to_retry) {
  const auto be_silent = [](PeerConnection& peer) {
    while (peer.next_request()) continue;
  };
  constexpr auto kTimeout = milliseconds(100);
  constexpr auto kRetryAfter = milliseconds(300);
  ScriptedPeer peer(std::vector<ScriptedPeer::Script>(100, be_silent));
  Client client({.path = peer.path(), .request_timeout = kTimeout});
  int failures = 0;
  const auto f = memoize(client.cache("lru"), [](int n) { return n; },
                         {.lease = {.wait = milliseconds(0)},
                          .retry_after = kRetryAfter,
                          .on_failure = [&](const Error&) { ++failures; }});
  EXPECT_GE(time_of([&] { EXPECT_EQ(f(1), 1); }), kTimeout);
  const auto took = time_of([&] {
    for (int i = 0; i < 1000; ++i) f(i);
  });
  EXPECT_LE(failures, 1 + took / kRetryAfter) << "the first alone, unless the machine is very slow";
  const int before = failures;
  std::this_thread::sleep_for(kRetryAfter + milliseconds(50));
  EXPECT_GE(time_of([&] { EXPECT_EQ(f(1), 1); }), kTimeout);
  EXPECT_EQ(failures, before + 1);
}

}  // namespace
}  // namespace pannier::test
