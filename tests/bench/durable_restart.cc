// What is on disk and not in memory: gets of a cache that is larger than memory, and the first get after
// kill -9.
#include <algorithm>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <random>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "protocol/cursor.h"
#include "protocol/writer.h"
#include "tests/bench/dialect.h"
#include "tests/bench/durable.h"
#include "tests/bench/program.h"
#include "tests/bench/rpc.h"
#include "tests/bench/table.h"
#include "tests/bench/work.h"

namespace pannier::bench {
namespace {

using std::chrono::steady_clock;

constexpr std::uint64_t kColdMemoryBytes = std::uint64_t{64} << 20;
constexpr double kRestartTargetMs = 200;
constexpr std::chrono::milliseconds kRest(1'000);
constexpr std::uint64_t kManyEntries = 512;

double ms_since(steady_clock::time_point begin) {
  return std::chrono::duration<double, std::milli>(steady_clock::now() - begin).count();
}

/// A value of its own for each key.
std::string value_at(std::uint64_t number) {
  std::string value;
  while (value.size() < kDurableValueBytes) value += view_of(key_of(number + value.size() * 0x100000000));
  value.resize(kDurableValueBytes);
  return value;
}

std::string put_many_of(std::uint64_t from, std::uint64_t count) {
  std::string params;
  protocol::Writer writer(params);
  writer.array(2);
  writer.string(kDurable);
  writer.array(static_cast<std::uint32_t>(count));
  for (std::uint64_t i = from; i < from + count; ++i) {
    writer.array(2);
    writer.string(view_of(key_of(i)));
    writer.binary(value_at(i));
  }
  return pannier_request("put_many", params);
}

/// How often it had to wait because too much was dirty.
std::uint64_t fill_with_values(const Server& server, std::uint64_t entries) {
  Rpc rpc(server);
  std::string result;
  std::uint64_t waits = 0;
  for (std::uint64_t from = 0; from < entries; from += kManyEntries) {
    const std::string request = put_many_of(from, std::min(kManyEntries, entries - from));
    for (rpc.send(request); !rpc.receive(result); rpc.send(request), ++waits) {
      if (!rpc.refusal().starts_with("overloaded")) throw std::runtime_error("put_many: " + rpc.refusal());
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    if (from % (kManyEntries * 200) == 0)
      progress("pannier: filling: " + std::to_string(from * 100 / entries) + " %");
  }
  return waits;
}

bool is_right(Rpc& rpc, std::uint64_t number) {
  std::string params;
  protocol::Writer writer(params);
  writer.array(2);
  writer.string(kDurable);
  writer.string(view_of(key_of(number)));
  const std::string result = rpc.ask("get", params);
  protocol::Cursor cursor(result);
  return cursor.read_array() == 1 && cursor.read_string() == value_at(number);
}

double status_mib(const Server& server, std::string_view field) {
  std::ifstream status("/proc/" + std::to_string(server.pid()) + "/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with(field)) return std::stod(line.substr(field.size())) / 1024;
  }
  return 0;
}

/// From exec, of a daemon that was killed when all its entries had been synced and then nothing was done for
/// the time of `rest`. LevelDB's log is as long as it gets at the end of a sync, and is read first.
double first_get_ms(const DurableOptions& options, std::uint64_t number, std::chrono::milliseconds rest) {
  Server server(Peer::kPannier, only_on_sync(options.entries));
  fill_with_values(server, options.entries);
  sync_durable(server);
  std::this_thread::sleep_for(rest);
  server.end(SIGKILL);
  const auto begin = steady_clock::now();
  server.spawn();
  server.wait_until_served(std::chrono::microseconds(200));
  Rpc rpc(server);
  const bool right = is_right(rpc, number);
  const double taken_ms = ms_since(begin);
  if (!right) throw std::runtime_error("an entry is not as it was: " + server.log());
  return taken_ms;
}

}  // namespace

void measure_cold(const DurableOptions& options, nlohmann::json& results) {
  const Server server(Peer::kPannier, {.memory_bytes = kColdMemoryBytes});
  std::uint64_t waits = 0;
  const double fill_s = seconds_of([&] { waits = fill_with_values(server, options.many_entries); });
  sync_durable(server);
  progress("pannier: cold gets");
  Rpc rpc(server);
  std::mt19937_64 random(1);
  std::vector<double> taken_ms;
  std::uint64_t wrong = 0;
  for (std::uint64_t i = 0; i < options.cold_gets; ++i) {
    const std::uint64_t entry = random() % options.many_entries;
    const auto begin = steady_clock::now();
    const bool right = is_right(rpc, entry);
    taken_ms.push_back(ms_since(begin));
    wrong += right ? 0 : 1;
  }
  progress("");
  std::sort(taken_ms.begin(), taken_ms.end());
  const auto at = [&](double share) {
    return taken_ms[static_cast<std::size_t>(share * static_cast<double>(taken_ms.size() - 1))];
  };
  const double rss = status_mib(server, "VmRSS:");
  const double own = status_mib(server, "RssAnon:") + status_mib(server, "RssShmem:");
  Table table({std::to_string(options.many_entries) + " entries, limit of 64 MiB, random gets", "p50 ms",
               "p99 ms", "max ms", "wrong", "VmRSS MiB", "without files", ""});
  table.add({"pannier", number(at(0.5), 3), number(at(0.99), 3), number(at(1), 1), std::to_string(wrong),
             number(rss), number(own), verdict(wrong == 0)});
  table.print();
  std::printf("filled in %s s, refused and repeated %llu times\n\n", number(fill_s).c_str(),
              static_cast<unsigned long long>(waits));
  results = {{"p50_ms", at(0.5)}, {"p99_ms", at(0.99)}, {"max_ms", at(1)},  {"wrong", wrong},
             {"rss_mib", rss},    {"own_mib", own},     {"fill_s", fill_s}, {"refused", waits}};
}

void measure_restart(const DurableOptions& options, nlohmann::json& results) {
  std::vector<double> at_once_ms;
  std::vector<double> rested_ms;
  for (std::uint64_t i = 0; i < options.repeats; ++i) {
    at_once_ms.push_back(first_get_ms(options, i, {}));
    rested_ms.push_back(first_get_ms(options, i, kRest));
  }
  progress("");
  Table table({"ms from exec to the first get, " + std::to_string(options.entries) + " entries", "median",
               "spread", ""});
  for (const auto& [when, get_ms] :
       {std::pair("at once after a sync", at_once_ms), std::pair("a second after it", rested_ms)}) {
    table.add({"pannier, kill -9 " + std::string(when), number(median_of(get_ms)), spread_of(get_ms, 1),
               verdict(median_of(get_ms) <= kRestartTargetMs)});
  }
  table.print();
  std::printf("target: %s ms\n\n", number(kRestartTargetMs, 0).c_str());
  results = {{"at_once_ms", at_once_ms}, {"rested_ms", rested_ms}};
}

}  // namespace pannier::bench
