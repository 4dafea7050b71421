// Gets from memory on a connection of their own while many entries are synced and puts go on, beside the same
// without the sync, and Redis during BGSAVE.
#include <atomic>
#include <cstdio>
#include <memory>
#include <stdexcept>
#include <thread>

#include "tests/bench/durable.h"
#include "tests/bench/getter.h"
#include "tests/bench/loader.h"
#include "tests/bench/program.h"
#include "tests/bench/rpc.h"
#include "tests/bench/socket.h"
#include "tests/bench/table.h"

namespace pannier::bench {
namespace {

using std::chrono::milliseconds;

constexpr double kTargetTimes = 2;
constexpr double kTargetBeyondMs = 20;
constexpr milliseconds kAlone{4000};
constexpr std::uint64_t kStormFirst = 1'000'000'000;
constexpr std::uint64_t kStormEntries = 200'000;

/// One connection that puts as fast as it is answered, 64 at most under way.
class Storm {
 public:
  explicit Storm(const Server& server)
      : thread_([this, &server] {
          Loader loader(server, {.cache = std::string(kDurable), .batch_entries = 32, .many_max = 1});
          for (std::uint64_t at = 0; !is_over_; at = (at + 320) % kStormEntries) {
            loader.put({.first = kStormFirst + at, .count = 320, .value_bytes = kDurableValueBytes});
          }
        }) {}
  ~Storm() {
    is_over_ = true;
    thread_.join();
  }

 private:
  std::atomic<bool> is_over_ = false;
  std::thread thread_;
};

void save_redis(const Server& server) {
  Socket socket(server.socket_path());
  std::string reply;
  socket.send("BGSAVE\r\n");
  socket.receive(reply);
  do {
    std::this_thread::sleep_for(milliseconds(20));
    reply.clear();
    socket.send("INFO persistence\r\n");
    while (reply.find("aof_enabled") == std::string::npos) socket.receive(reply);
    while (!reply.ends_with("\r\n")) socket.receive(reply);
  } while (reply.find("rdb_bgsave_in_progress:1") != std::string::npos);
}

template <typename Work>
Latencies gets_while(const Server& server, const Work& work) {
  Getter getter(server, 0, std::string(kDurable));
  work();
  return getter.stop();
}

struct Pair {
  std::vector<double> p99_ms[2];
  std::vector<double> max_ms[2];
  std::vector<double> took_s;

  void add(int which, const Latencies& latencies) {
    p99_ms[which].push_back(latencies.p99_ms);
    max_ms[which].push_back(latencies.max_ms);
  }
};

template <typename Write>
void measure_pair(const Server& server, std::uint64_t entries, bool has_storm, Pair& pair,
                  const Write& write) {
  progress(std::string(peer_name(server.peer())) + (has_storm ? ": gets beside puts" : ": gets alone"));
  if (!has_storm) fill(server, entries);
  std::unique_ptr<Storm> storm;
  if (has_storm) storm = std::make_unique<Storm>(server);
  pair.add(0, gets_while(server, [] { std::this_thread::sleep_for(kAlone); }));
  pair.add(1, gets_while(server, [&] { pair.took_s.push_back(seconds_of([&] { write(server); })); }));
}

/// Both pairs with the same server: the second one begins with as many dirty entries as the first.
void measure_server(Peer peer, std::uint64_t entries, Pair& quiet, Pair& busy) {
  ServerOptions options = only_on_sync(entries);
  if (peer == Peer::kRedis) options.arguments = {"--maxmemory-policy", "noeviction"};
  const auto write = [](const Server& server) {
    if (server.peer() == Peer::kPannier) return sync_durable(server);
    save_redis(server);
  };
  {
    const Server server(peer, options);
    measure_pair(server, entries, false, quiet, write);
  }
  const Server server(peer, options);
  fill(server, entries);
  measure_pair(server, entries, true, busy, write);
}

void tell(Table& table, nlohmann::json& results, const std::string& name, const Pair& pair, bool is_judged) {
  const double p99 = median_of(pair.p99_ms[1]);
  const double max = median_of(pair.max_ms[1]);
  const bool is_met =
      p99 <= kTargetTimes * median_of(pair.p99_ms[0]) && max <= kTargetBeyondMs + median_of(pair.max_ms[0]);
  table.add({name, number(median_of(pair.took_s), 1), number(median_of(pair.p99_ms[0]), 3), number(p99, 3),
             spread_of(pair.p99_ms[1], 3), number(median_of(pair.max_ms[0]), 1), number(max, 1),
             spread_of(pair.max_ms[1], 1), is_judged ? verdict(is_met) : ""});
  results[name] = {{"p99_without_ms", pair.p99_ms[0]},
                   {"p99_while_ms", pair.p99_ms[1]},
                   {"max_without_ms", pair.max_ms[0]},
                   {"max_while_ms", pair.max_ms[1]},
                   {"took_s", pair.took_s}};
}

}  // namespace

void measure_gets(const DurableOptions& options, nlohmann::json& results) {
  Pair pannier[2];
  Pair redis[2];
  for (std::uint64_t i = 0; i < options.repeats; ++i) {
    measure_server(Peer::kPannier, options.many_entries, pannier[0], pannier[1]);
    measure_server(Peer::kRedis, options.many_entries, redis[0], redis[1]);
  }
  progress("");
  Table table({"one get, in ms, " + std::to_string(options.many_entries) + " entries", "took s",
               "p99 without", "p99 while", "spread", "max without", "max while", "spread", ""});
  tell(table, results, "pannier, sync beside puts", pannier[1], true);
  tell(table, results, "pannier, sync", pannier[0], false);
  tell(table, results, "redis, BGSAVE beside puts", redis[1], false);
  tell(table, results, "redis, BGSAVE", redis[0], false);
  table.print();
  std::printf("target for pannier: p99 at most %s times, max at most %s ms beyond the same without\n\n",
              number(kTargetTimes, 0).c_str(), number(kTargetBeyondMs, 0).c_str());
}

}  // namespace pannier::bench
