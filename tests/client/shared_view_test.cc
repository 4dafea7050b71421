// Reads without a request, against the real daemon.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "pannier/client.h"
#include "storage/use_ring.h"
#include "tests/client/daemon_process.h"

namespace pannier::test {
namespace {

using std::chrono::milliseconds;

class SharedViewTest : public ::testing::Test {
 protected:
  ClientOptions options(SharedReads wish = SharedReads::kAtOnce) const {
    ClientOptions options = daemon_.options();
    options.shared_reads = wish;
    return options;
  }
  std::uint64_t shared_hits() { return asking_.info("lru").shared_hits; }
  std::uint64_t shared_readers() { return asking_.info().server.shared_readers; }
  /// Whether it comes true within a time that a busy machine keeps.
  template <typename Condition>
  static bool eventually(Condition condition) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (!condition()) {
      if (std::chrono::steady_clock::now() > end) return false;
      std::this_thread::sleep_for(milliseconds(5));
    }
    return true;
  }

  DaemonProcess daemon_;
  Client asking_{options(SharedReads::kNever)};
  Client client_{options()};
};

TEST_F(SharedViewTest, a_hit_is_no_request_and_counts_as_a_hit) {
  asking_.put("lru", "key", std::string("value"));
  EXPECT_EQ(client_.get<std::string>("lru", "key"), "value");
  const Info before = asking_.info();
  for (int i = 0; i < 1'000; ++i) ASSERT_EQ(client_.get<std::string>("lru", "key"), "value");
  const Info after = asking_.info();
  EXPECT_EQ(after.server.requests, before.server.requests + 1) << "the second info itself";
  EXPECT_EQ(after.caches.at("lru").hits, before.caches.at("lru").hits + 1'000);
  EXPECT_EQ(after.caches.at("lru").shared_hits, before.caches.at("lru").shared_hits + 1'000);
}

TEST_F(SharedViewTest, hits_of_more_threads_than_there_are_counters_are_all_counted) {
  constexpr int kThreads = 80;
  constexpr int kHits = 100;
  asking_.put("lru", "key", 1);
  asking_.put("ttl", "key", 2);
  client_.get<int>("lru", "key");
  const Info before = asking_.info();
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([this] {
      for (int hit = 0; hit < kHits; ++hit) {
        if (client_.get<int>("lru", "key") != 1 || client_.get<int>("ttl", "key") != 2) std::abort();
      }
    });
  }
  for (auto& thread : threads) thread.join();
  const Info after = asking_.info();
  for (const char* name : {"lru", "ttl"})
    EXPECT_EQ(after.caches.at(name).shared_hits - before.caches.at(name).shared_hits,
              std::uint64_t{kThreads} * kHits)
        << name;
}

TEST_F(SharedViewTest, hits_of_a_forked_child_are_counted_beside_those_of_its_parent) {
  // So many that both count at the same time.
  constexpr std::uint64_t kHits = 300'000;
  asking_.put("lru", "key", 1);
  const auto read = [this] {
    for (std::uint64_t hit = 0; hit < kHits; ++hit) {
      if (client_.get<int>("lru", "key") != 1) std::abort();
    }
  };
  read();
  const std::uint64_t before = shared_hits();
  // It has what this thread remembers.
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    read();
    ::_exit(0);
  }
  read();
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(shared_hits() - before, 2 * kHits);
}

/// The one that this process has mapped.
storage::UseRing* mapped_ring() {
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    void* place = nullptr;
    if (line.find("memfd:pannier-uses") != std::string::npos && std::sscanf(line.c_str(), "%p", &place) == 1)
      return static_cast<storage::UseRing*>(place);
  }
  return nullptr;
}

TEST_F(SharedViewTest, caches_that_a_thread_reads_in_turn_do_not_use_up_the_counters) {
  // More than it remembers at once.
  std::vector<Sighting> sightings(20);
  asking_.put("lru", "key", 1);
  client_.get<int>("lru", "key");
  const auto name = [](std::size_t i) { return "c" + std::to_string(i); };
  for (std::size_t i = 0; i < sightings.size(); ++i) {
    asking_.open(name(i), {});
    asking_.put(name(i), "key", 1);
  }
  for (std::size_t i = 0; i < sightings.size(); ++i)
    ASSERT_TRUE(client_.read_shared(name(i), "key", &sightings[i]));
  for (int round = 0; round < 100; ++round) {
    for (const Sighting& sighting : sightings) ASSERT_TRUE(client_.is_current(sighting));
  }
  for (std::size_t i = 0; i < sightings.size(); ++i) EXPECT_EQ(asking_.info(name(i)).shared_hits, 101U);
  ASSERT_NE(mapped_ring(), nullptr);
  EXPECT_NE(mapped_ring()->take_counter(0), nullptr);
}

TEST_F(SharedViewTest, keys_that_are_read_much_are_told_as_hot) {
  const std::string ask = pack(std::vector<std::string>{"lru"});
  for (const char* key : {"often", "seldom"}) asking_.put("lru", key, 1);
  for (int i = 0; i < 6'400; ++i) {
    ASSERT_EQ(client_.get<int>("lru", "often"), 1);
    if (i % 8 != 0) continue;
    ASSERT_EQ(client_.get<int>("lru", "seldom"), 1);
  }
  const auto told = asking_.call("hot", ask);
  ASSERT_NE(told.find("hits"), std::string::npos);
  EXPECT_LT(told.find("often"), told.find("seldom")) << "the one that is used most stands first";
}

TEST_F(SharedViewTest, what_another_client_does_is_seen_at_once) {
  for (int i = 0; i < 2'000; ++i) {
    asking_.put("lru", "key", i);
    ASSERT_EQ(client_.get<int>("lru", "key"), i);
    if (i % 3 == 0) asking_.erase("lru", "key");
    if (i % 3 == 1) asking_.clear("lru");
    ASSERT_EQ(client_.get<int>("lru", "key").has_value(), i % 3 == 2);
  }
  EXPECT_GE(shared_hits(), 2'000U);
}

TEST_F(SharedViewTest, an_entry_is_read_with_version_and_time_left) {
  const auto version = asking_.put("ttl", "key", 1, {.ttl = std::chrono::minutes(5)});
  const auto entry = client_.get_entry<int>("ttl", "key");
  ASSERT_TRUE(entry);
  EXPECT_EQ(entry->version, *version);
  ASSERT_TRUE(entry->ttl);
  EXPECT_LE(*entry->ttl, std::chrono::minutes(5));
  EXPECT_GT(*entry->ttl, std::chrono::minutes(4));
}

TEST_F(SharedViewTest, an_entry_past_its_deadline_is_a_miss) {
  asking_.put("ttl", "key", 1, {.ttl = milliseconds(30)});
  std::this_thread::sleep_for(milliseconds(40));
  EXPECT_FALSE(client_.get<int>("ttl", "key"));
}

TEST_F(SharedViewTest, many_are_read_together_or_asked_for_together) {
  asking_.put("lru", "a", 1);
  asking_.put("lru", "b", 2);
  client_.get<int>("lru", "a");
  const std::uint64_t before = asking_.info().server.requests;
  EXPECT_EQ(client_.get_many<int>("lru", {"a", "b"}), (std::vector<std::optional<int>>{1, 2}));
  EXPECT_EQ(asking_.info().server.requests, before + 1);
  EXPECT_EQ(client_.get_many<int>("lru", {"a", "c"}), (std::vector<std::optional<int>>{1, std::nullopt}));
}

TEST_F(SharedViewTest, of_very_many_each_is_the_right_one) {
  std::vector<std::string> keys;
  std::vector<std::optional<int>> wanted;
  for (int i = 0; i < 3'000; ++i) {
    keys.push_back(std::to_string(i * 7'919 % 3'000));
    wanted.push_back(i % 7 == 0 ? std::nullopt : std::optional(i));
    if (wanted.back()) asking_.put("lru", keys.back(), i);
  }
  EXPECT_EQ(client_.get_many<int>("lru", keys), wanted) << "the first attaches";
  const std::uint64_t hits = shared_hits();
  EXPECT_EQ(client_.get_many<int>("lru", keys), wanted);
  EXPECT_EQ(shared_hits() - hits, 3'000U - 429U);
  EXPECT_TRUE(client_.get_many<int>("lru", std::vector<std::string>{}).empty());
}

TEST_F(SharedViewTest, of_many_no_more_than_wished_is_copied) {
  asking_.put_raw("lru", "large", pack(std::string(1'000, 'v')));
  asking_.put_raw("lru", "small", pack(std::string(10, 'v')));
  client_.get<std::string>("lru", "small");
  const auto values =
      client_.read_shared_many("lru", {"small", "large", "small", "none"}, {.bytes_max = 100});
  ASSERT_EQ(values.size(), 4U);
  EXPECT_EQ(values[0], pack(std::string(10, 'v')));
  EXPECT_FALSE(values[1]);
  EXPECT_EQ(values[2], values[0]);
  EXPECT_FALSE(values[3]);
}

TEST_F(SharedViewTest, few_gets_do_not_attach_unless_that_is_wished) {
  asking_.put("lru", "key", 1);
  Client usual(options(SharedReads::kWhenItPays));
  for (int i = 0; i < 16; ++i) usual.get<int>("lru", "key");
  EXPECT_EQ(shared_readers(), 0U);
  usual.get<int>("lru", "key");
  EXPECT_EQ(shared_readers(), 1U);
  EXPECT_EQ(shared_hits(), 1U);
}

TEST_F(SharedViewTest, a_sighting_is_current_until_the_entry_is_another) {
  asking_.put("lru", "key", 1);
  client_.get<int>("lru", "key");
  Sighting sighting;
  EXPECT_FALSE(client_.is_current(sighting));
  ASSERT_TRUE(client_.read_shared("lru", "key", &sighting));
  EXPECT_TRUE(client_.is_current(sighting));
  asking_.get<int>("lru", "key");
  EXPECT_TRUE(client_.is_current(sighting));
  asking_.put("lru", "key", 2);
  EXPECT_FALSE(client_.is_current(sighting));
  ASSERT_TRUE(client_.read_shared("lru", "key", &sighting));
  asking_.clear("lru");
  EXPECT_FALSE(client_.is_current(sighting));
}

TEST_F(SharedViewTest, hits_of_a_dropped_cache_do_not_count_for_the_next_of_its_name) {
  for (int round = 0; round < 5; ++round) {
    asking_.open("c", {});
    EXPECT_EQ(asking_.info("c").hits, 0U);
    asking_.put("c", "key", 1);
    for (int i = 0; i < 100; ++i) ASSERT_EQ(client_.get<int>("c", "key"), 1);
    asking_.drop("c");
  }
}

TEST_F(SharedViewTest, what_is_read_stays_and_what_is_not_goes) {
  asking_.open("small", {.max_entries = 1'000});
  for (int i = 0; i < 1'000; ++i) asking_.put("small", std::to_string(i), i);
  // The hundred oldest, by nobody but this client.
  for (int i = 0; i < 100; ++i) ASSERT_EQ(client_.get<int>("small", std::to_string(i)), i);
  asking_.info();
  for (int i = 1'000; i < 1'800; ++i) asking_.put("small", std::to_string(i), i);
  int kept = 0;
  for (int i = 0; i < 100; ++i) kept += asking_.get<int>("small", std::to_string(i)).has_value();
  // The latest eighth of all uses is not told.
  EXPECT_GE(kept, 90);
  EXPECT_FALSE(asking_.get<int>("small", "150"));
}

TEST_F(SharedViewTest, what_is_read_all_the_time_outlives_any_burst_of_puts) {
  asking_.open("small", {.max_entries = 128});
  asking_.put("small", "hot", 1);
  ASSERT_EQ(client_.get<int>("small", "hot"), 1);
  for (int i = 0; i < 5'000; ++i) {
    asking_.put("small", std::to_string(i), i);
    ASSERT_EQ(client_.get<int>("small", "hot"), 1) << i;
  }
  EXPECT_GE(asking_.info("small").shared_hits, 5'000U);
}

TEST_F(SharedViewTest, a_daemon_that_is_killed_and_back_is_read_anew) {
  asking_.put("lru", "key", 1);
  EXPECT_EQ(client_.get<int>("lru", "key"), 1);
  daemon_.kill();
  EXPECT_FALSE(client_.read_shared("lru", "key"));
  EXPECT_THROW(client_.get<int>("lru", "key"), ConnectionError);
  daemon_.start();
  EXPECT_FALSE(client_.get<int>("lru", "key")) << "its memory went with it";
  asking_.put("lru", "key", 2);
  EXPECT_TRUE(eventually([&] {
    EXPECT_EQ(client_.get<int>("lru", "key"), 2);
    return client_.read_shared("lru", "key").has_value();
  }));
}

TEST_F(SharedViewTest, threads_read_while_the_daemon_is_killed_again_and_again) {
  std::atomic<bool> is_over = false;
  std::atomic<int> wrong = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      while (!is_over) {
        try {
          const auto value = client_.get<std::string>("lru", "key");
          if (value && *value != std::string(10'000, 'v')) ++wrong;
        } catch (const ConnectionError&) {
          std::this_thread::yield();
        }
      }
    });
  }
  for (int round = 0; round < 5; ++round) {
    asking_.put("lru", "key", std::string(10'000, 'v'));
    std::this_thread::sleep_for(milliseconds(100));
    daemon_.kill();
    daemon_.start();
  }
  is_over = true;
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

TEST_F(SharedViewTest, a_forked_child_reads_on) {
  asking_.put("lru", "key", 1);
  ASSERT_EQ(client_.get<int>("lru", "key"), 1);
  const pid_t child = fork();
  if (child == 0) _exit(client_.read_shared("lru", "key") && client_.get<int>("lru", "key") == 1 ? 0 : 1);
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_TRUE(client_.read_shared("lru", "key"));
}

/// Reads as it is destroyed, at the end of a program, which then ends with 0 if it was right.
struct LastReader {
  explicit LastReader(Client& read_by) : client(read_by) {}
  ~LastReader() {
    bool is_right = true;
    for (int i = 0; i < 100; ++i) is_right = is_right && client.get<int>(kName, "key") == 1;
    _exit(is_right ? 0 : 1);
  }
  static constexpr const char* kName = "a name that is too long for a short string";
  Client& client;
};

TEST_F(SharedViewTest, what_is_static_reads_when_the_program_ends) {
  asking_.open(LastReader::kName, {});
  asking_.put(LastReader::kName, "key", 1);
  const pid_t child = fork();
  if (child == 0) {
    static LastReader last(client_);
    client_.get<int>(LastReader::kName, "key");
    std::exit(2);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

TEST_F(SharedViewTest, the_memory_is_let_go_with_the_client) {
  asking_.put("lru", "key", 1);
  {
    Client other(options());
    other.get<int>("lru", "key");
    EXPECT_TRUE(eventually([&] { return shared_readers() == 1; }));
  }
  EXPECT_TRUE(eventually([&] { return shared_readers() == 0; }));
}

}  // namespace
}  // namespace pannier::test
