// A hit that a client reads out of the daemon's memory itself, beside what people would use otherwise: a
// std::unordered_map of their own process (find, and copy the value), and one request after the other to
// Redis and memcached over their sockets. A million entries, keys of 16 bytes, Zipf-like choice (exponent
// 0.99); in turn in one process, the order turned round from round to round. Then the same reads one by one,
// while another connection puts half a million entries a second.
#include <time.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <functional>
#include <random>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "pannier/client.h"
#include "tests/bench/caller.h"
#include "tests/bench/getter.h"
#include "tests/bench/loader.h"
#include "tests/bench/program.h"
#include "tests/bench/requests.h"
#include "tests/bench/rounds.h"
#include "tests/bench/table.h"
#include "tests/bench/work.h"

namespace pannier::bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kReads = 1 << 18;  ///< of a round
constexpr std::size_t kKeysOfMany = 128;
constexpr std::size_t kCalls = 1 << 11;  ///< of a round, of those that are requests
constexpr double kMapTarget = 0.6;
constexpr double kSocketTarget = 100;
constexpr double kP99TargetNs = 1'000;
constexpr std::uint64_t kPutsASecond = 500'000;

struct Options {
  std::uint64_t keys = 1'000'000;
  std::uint64_t rounds = 9;
  std::vector<std::size_t> value_bytes{64, 1'024};
};

/// Zipf by inverting the distribution's continuous form (Gray et al., SIGMOD 1994), the ranks scattered.
std::vector<Key> chosen_keys(std::uint64_t keys, std::size_t count, std::uint64_t seed) {
  constexpr double kExponent = 0.99;
  constexpr std::uint64_t kPrime = 2'654'435'761;
  std::mt19937_64 random(seed);
  std::uniform_real_distribution<double> unit(0, 1);
  const double top = std::pow(static_cast<double>(keys), 1 - kExponent);
  std::vector<Key> chosen(count);
  for (Key& key : chosen) {
    const double rank = std::pow(unit(random) * (top - 1) + 1, 1 / (1 - kExponent)) - 1;
    key = key_of(std::min(static_cast<std::uint64_t>(rank), keys - 1) * kPrime % keys);
  }
  return chosen;
}

/// The compiler has to assume that the bytes are read.
void used(const std::string& bytes) { asm volatile("" : : "r"(bytes.data()) : "memory"); }

/// Nanoseconds each.
template <typename Each>
double timed(const std::vector<Key>& keys, std::size_t count, Each each) {
  const auto begin = Clock::now();
  for (std::size_t i = 0; i < count; ++i) each(keys[i]);
  return std::chrono::duration<double, std::nano>(Clock::now() - begin).count() / static_cast<double>(count);
}

ClientOptions client_options(const Server& server) {
  ClientOptions options;
  options.path = server.socket_path();
  options.shared_reads = SharedReads::kAtOnce;
  return options;
}

std::uint64_t memory_for(const Options& options, std::size_t value_bytes) {
  return (std::uint64_t{64} << 20) + options.keys * (kKeyBytes + value_bytes + 64) * 5 / 4;
}

/// One get after the other, in memcached's words.
class MemcachedGets {
 public:
  explicit MemcachedGets(const Server& server) : socket_(server.socket_path()) {}

  void get(const Key& key) {
    request_ = "get ";
    request_ += view_of(key);
    request_ += "\r\n";
    socket_.send(request_);
    reply_.clear();
    while (!reply_.ends_with("END\r\n")) socket_.receive(reply_);
  }

 private:
  Socket socket_;
  std::string request_;
  std::string reply_;
};

/// One way to get a value, and what it took in each round.
struct Way {
  std::string name;
  std::size_t reads;
  std::function<void(const Key&)> get;
  std::vector<double> ns{};
};

std::vector<double> ratios(const Way& first, const Way& second) {
  std::vector<double> all;
  for (std::size_t i = 0; i < first.ns.size(); ++i) all.push_back(first.ns[i] / second.ns[i]);
  return all;
}

/// The gets one by one, with a writer beside them.
struct Busy {
  double p50_ns;
  double p99_ns;
  double p999_ns;
  double clock_ns;  ///< of that, looking at the clock
  double puts_a_second;
};

double percentile(std::vector<double>& sorted, double share) {
  return sorted[static_cast<std::size_t>(share * static_cast<double>(sorted.size() - 1))];
}

Busy measure_busy(const Server& server, Client& client, const Options& options, std::size_t value_bytes) {
  std::atomic<bool> is_over = false;
  std::atomic<std::uint64_t> puts = 0;
  std::thread writer([&] {
    Loader loader(server);
    std::mt19937_64 random(3);
    constexpr std::uint64_t kBatch = 1'024;
    const auto begun = Clock::now();
    while (!is_over) {
      loader.put(
          {.first = random() % (options.keys - kBatch + 1), .count = kBatch, .value_bytes = value_bytes});
      puts += kBatch;
      std::this_thread::sleep_until(begun + std::chrono::nanoseconds(puts * 1'000'000'000 / kPutsASecond));
    }
  });
  const auto keys = chosen_keys(options.keys, kReads, 99);
  std::vector<double> each;
  const auto begin = Clock::now();
  std::uint64_t misses = 0;
  for (int round = 0; round < 4; ++round) {
    for (const Key& key : keys) {
      const auto before = Clock::now();
      const auto value = client.read_shared(kCache, view_of(key));
      each.push_back(std::chrono::duration<double, std::nano>(Clock::now() - before).count());
      misses += !value;
    }
  }
  const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  is_over = true;
  writer.join();
  if (misses > 0) std::printf("%llu reads found nothing\n", static_cast<unsigned long long>(misses));
  std::vector<double> clock;
  for (int i = 0; i < 10'000; ++i) {
    const auto before = Clock::now();
    clock.push_back(std::chrono::duration<double, std::nano>(Clock::now() - before).count());
  }
  std::sort(each.begin(), each.end());
  return {percentile(each, 0.5), percentile(each, 0.99), percentile(each, 0.999), median_of(clock),
          static_cast<double>(puts) / seconds};
}

void measure(const Options& options, std::size_t value_bytes, nlohmann::json& results) {
  const std::string size = std::to_string(value_bytes) + " B";
  progress(size + ": filling");
  const ServerOptions memory{.memory_bytes = memory_for(options, value_bytes)};
  const Server pannier(Peer::kPannier, memory);
  const Server redis(Peer::kRedis, memory);
  const Server memcached(Peer::kMemcached, memory);
  for (const Server* const server : {&pannier, &redis, &memcached}) {
    Loader loader(*server);
    loader.open();
    loader.put({.count = options.keys, .value_bytes = value_bytes}, std::nullopt,
               size + ": filling " + std::string(peer_name(server->peer())));
  }
  std::unordered_map<std::string, std::string> map;
  for (std::uint64_t i = 0; i < options.keys; ++i) {
    map.emplace(view_of(key_of(i)), std::string(value_of(value_bytes)));
  }

  Client client(client_options(pannier));
  Caller to_redis(redis);
  std::string request;
  const auto ask = [&](Caller& caller, Peer peer, const Key& key) {
    request.clear();
    append_get(request, peer, key);
    caller.ask(request);
  };
  Caller to_pannier(pannier);
  MemcachedGets to_memcached(memcached);
  std::uint64_t misses = 0;
  std::string map_key;
  std::vector<std::string_view> many;
  std::vector<Way> ways{
      {"shared", kReads,
       [&](const Key& key) {
         const auto value = client.read_shared(kCache, view_of(key));
         value ? used(value->value) : static_cast<void>(++misses);
       }},
      {"shared, get_many", kReads,
       [&](const Key& key) {
         many.push_back(view_of(key));
         if (many.size() < kKeysOfMany) return;
         for (const auto& value : client.get_many_raw(kCache, many))
           value ? used(*value) : static_cast<void>(++misses);
         many.clear();
       }},
      {"unordered_map", kReads,
       [&](const Key& key) {
         map_key = view_of(key);
         const std::string copy = map.find(map_key)->second;
         used(copy);
       }},
      {"pannier, socket", kCalls, [&](const Key& key) { ask(to_pannier, Peer::kPannier, key); }},
      {"redis, socket", kCalls, [&](const Key& key) { ask(to_redis, Peer::kRedis, key); }},
      {"memcached, socket", kCalls, [&](const Key& key) { to_memcached.get(key); }},
  };
  client.get_raw(kCache, view_of(key_of(0)));  // attaches
  for (std::uint64_t round = 0; round < options.rounds; ++round) {
    progress(size + ": round " + std::to_string(round + 1) + " of " + std::to_string(options.rounds));
    const auto keys = chosen_keys(options.keys, kReads, round + 1);
    std::vector<Way*> order;
    for (Way& way : ways) order.push_back(&way);
    if (round % 2 == 1) std::reverse(order.begin(), order.end());
    for (Way* const way : order) way->ns.push_back(timed(keys, way->reads, way->get));
  }
  progress(size + ": beside a writer");
  const Busy busy = measure_busy(pannier, client, options, value_bytes);
  progress("");

  Table table({size, "ns", "spread", "to shared", "spread", "target", ""});
  const Way& shared = ways.front();
  for (const Way& way : ways) {
    auto relative = ratios(way, shared);
    const double ratio = median_of(relative);
    const bool is_map = way.name == "unordered_map";
    const bool is_shared = &way == &shared;
    const double target = is_map ? 1 / kMapTarget : kSocketTarget;
    const bool is_ours = way.name.starts_with("shared") || way.name.starts_with("pannier");
    const bool has_target = !is_ours;
    table.add({way.name, number(median_of(way.ns), 0), spread_of(way.ns), is_shared ? "" : number(ratio, 2),
               is_shared ? "" : spread_of(relative, 2), has_target ? number(target, 2) : "",
               has_target ? verdict(ratio >= target) : ""});
    results.push_back({{"value_bytes", value_bytes}, {"way", way.name}, {"ns", way.ns}});
  }
  table.print();
  if (misses > 0) std::printf("%llu reads found nothing\n", static_cast<unsigned long long>(misses));
  std::printf(
      "beside %.0f puts/s: p50 %.0f, p99 %.0f, p99.9 %.0f ns (of which the clock %.0f; target p99 %.0f: "
      "%s)\n\n",
      busy.puts_a_second, busy.p50_ns, busy.p99_ns, busy.p999_ns, busy.clock_ns, kP99TargetNs,
      verdict(busy.p99_ns <= kP99TargetNs).c_str());
  results.push_back({{"value_bytes", value_bytes},
                     {"puts_a_second", busy.puts_a_second},
                     {"p50_ns", busy.p50_ns},
                     {"p99_ns", busy.p99_ns},
                     {"p999_ns", busy.p999_ns}});
}

}  // namespace
}  // namespace pannier::bench

int main(int argc, char** argv) {
  using namespace pannier::bench;
  Options options;
  Program program(
      "shared",
      "A hit read out of the daemon's memory, beside a map of one's own and requests over a socket.",
      "shared_bench --keys 1000000 --rounds 15");
  program.options().add_option("--keys", options.keys, "How many entries [1000000]");
  program.options().add_option("--value-bytes", options.value_bytes,
                               "Sizes of values, at most 1024 [64 1024]");
  program.options()
      .add_option("--rounds", options.rounds, "How often all is measured [9]")
      ->check(CLI::Range(7, 1000));
  return program.run(argc, argv, [&](nlohmann::json& results) {
    for (const std::size_t bytes : options.value_bytes) measure(options, bytes, results);
  });
}
