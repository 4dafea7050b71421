// What an entry takes beyond its key and its value: the growth of a server's resident memory by a fill, by
// the number of its entries. Keys of 16 bytes, values of 64, of which Pannier stores 66: MessagePack's head
// is part of the object.
#include <cstdio>
#include <string>
#include <vector>

#include "tests/bench/loader.h"
#include "tests/bench/peers.h"
#include "tests/bench/program.h"
#include "tests/bench/table.h"

namespace pannier::bench {
namespace {

constexpr std::size_t kValueBytes = 64;
constexpr double kTarget = 48;
constexpr double kTargetWithDeadline = 56;
constexpr std::int64_t kFarMs = std::int64_t{24} * 3600 * 1000;

struct Options {
  std::uint64_t entries = 2'000'000;
  std::vector<std::string> servers;
};

/// Bytes an entry beyond key and value.
double overhead(Peer peer, const Options& options, bool has_deadline, nlohmann::json& result) {
  Server server(peer);
  Loader loader(server);
  loader.open();
  const double before = static_cast<double>(server.resident_bytes_at_rest());
  std::optional<std::int64_t> deadline_ms;
  if (has_deadline) deadline_ms = wall_now_ms() + kFarMs;
  const std::string what = std::string(peer_name(peer)) + (has_deadline ? ", with a deadline" : "");
  const std::uint64_t stored =
      loader.put({.count = options.entries, .value_bytes = kValueBytes}, deadline_ms, what);
  if (stored != options.entries) throw std::runtime_error(what + " refused entries: " + loader.refusal());
  const double after = static_cast<double>(server.resident_bytes_at_rest());
  const double bytes = (after - before) / static_cast<double>(stored) - kKeyBytes - kValueBytes;
  result[has_deadline ? "with_deadline" : "without_deadline"] = {
      {"resident_bytes_before", before}, {"resident_bytes_after", after}, {"overhead_bytes", bytes}};
  return bytes;
}

void work(const Options& options, nlohmann::json& results) {
  Table table({"bytes an entry beyond key and value", "without a deadline", "with a deadline"});
  double pannier = 0;
  double pannier_with_deadline = 0;
  results["entries"] = options.entries;
  for (const Peer peer : peers_named(options.servers)) {
    const std::string name(peer_name(peer));
    const double without = overhead(peer, options, false, results[name]);
    const double with = overhead(peer, options, true, results[name]);
    table.add({name, number(without), number(with)});
    if (peer != Peer::kPannier) continue;
    pannier = without;
    pannier_with_deadline = with;
  }
  progress("");
  table.add({"target for pannier, at most", number(kTarget), number(kTargetWithDeadline)});
  table.add({"", verdict(pannier <= kTarget), verdict(pannier_with_deadline <= kTargetWithDeadline)});
  table.print();
}

}  // namespace
}  // namespace pannier::bench

int main(int argc, char** argv) {
  using namespace pannier::bench;
  Options options;
  Program program("memory", "Bytes an entry takes beyond key and value, by growth of resident memory.",
                  "memory_bench --entries 500000 --servers pannier redis");
  program.options().add_option("--entries", options.entries, "How many are written [2000000]");
  program.options().add_option("--servers", options.servers,
                               "Of pannier, redis, memcached; all unless given");
  return program.run(argc, argv, [&](nlohmann::json& results) { work(options, results); });
}
