// What goes through the socket: requests a second, latencies and the server's processor time beside Redis and
// memcached, over numbers of connections, depths, sizes and mixes, with a bare echo server as the floor.
//
// The server has a processor of its own, and the load another one, where there are two.
#include <algorithm>
#include <cstdio>
#include <fstream>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "tests/bench/contest.h"
#include "tests/bench/machine.h"
#include "tests/bench/processors.h"
#include "tests/bench/program.h"
#include "tests/bench/results.h"
#include "tests/bench/ring_wire.h"
#include "tests/bench/shape.h"

namespace pannier::bench {
namespace {

struct Options {
  ContestOptions contest;
  ShapeFilter filter;
  std::string only;
  bool is_all = false;
  std::vector<std::string> peers{"redis", "memcached", "floor"};
  std::string pannierd;
  std::string baseline;
  std::string second;
  std::string wire;
  bool is_sleeping = false;
  std::string report;
  std::string markdown;
};

std::vector<std::string> words_of(const std::string& text) {
  std::istringstream in(text);
  std::vector<std::string> words;
  for (std::string word; in >> word;) words.push_back(word);
  return words;
}

/// Pannier first: the ratios are its own.
std::vector<Contestant> contestants_of(const Options& options) {
  std::vector<Contestant> contestants{
      {.name = kPannierName, .peer = Peer::kPannier, .program = options.pannierd}};
  if (!options.second.empty()) {
    contestants.push_back({.name = kSecondName,
                           .peer = Peer::kPannier,
                           .program = options.pannierd,
                           .arguments = words_of(options.second)});
  }
  if (!options.baseline.empty())
    contestants.push_back({.name = "baseline", .peer = Peer::kPannier, .program = options.baseline});
  if (options.second.empty() && options.baseline.empty()) {
    contestants.push_back({.name = kSpinningName,
                           .peer = Peer::kPannier,
                           .program = options.pannierd,
                           .arguments = {"--spin-us", "200"},
                           .only = spinning_shape(),
                           .has_spinning_client = has_two_processors()});
  }
  for (const auto& name : options.peers) {
    if (name == kFloorName)
      contestants.push_back({.name = name});
    else if (name != "none")
      contestants.push_back({.name = name, .peer = peers_named({name}).front()});
  }
  return contestants;
}

/// Sorted by the size of values: servers are started and filled for each.
std::vector<Shape> shapes_of(const Options& options) {
  const bool is_whole = options.is_all || (!options.filter.is_empty() && options.only.empty());
  auto shapes = is_whole ? all_shapes() : target_shapes();
  std::erase_if(shapes, [&](const Shape& shape) { return !options.filter.wants(shape); });
  if (is_whole && !options.is_all && options.filter.keys.empty())
    std::erase_if(shapes, [](const Shape& shape) { return shape.keys != load::KeyChoice::kZipf; });
  std::ranges::stable_sort(shapes, {}, &Shape::value_bytes);
  if (shapes.empty()) throw std::runtime_error("there is no such shape");
  return shapes;
}

void write(const std::string& path, const std::string& text) {
  std::ofstream out(path);
  out << text;
  if (!out.flush()) throw std::runtime_error("cannot write " + path);
}

std::vector<Row> measure(const Options& options, const std::vector<Contestant>& contestants) {
  const auto shapes = shapes_of(options);
  pin_thread(load_processor());
  std::vector<Row> rows;
  std::optional<Contest> contest;
  for (const auto& shape : shapes) {
    if (rows.empty() || rows.back().shape.value_bytes != shape.value_bytes) {
      contest.reset();
      contest.emplace(contestants, shape.value_bytes, options.contest);
    }
    const std::string place =
        "[" + std::to_string(rows.size() + 1) + "/" + std::to_string(shapes.size()) + "] ";
    rows.push_back({shape, contest->run(shape, [&](const std::string& text) { progress(place + text); })});
    progress("");
    print(rows.back(), contestants);
  }
  return rows;
}

/// "io_uring for replies up to 8 KiB, epoll for larger ones; spins while nothing comes".
std::string load_fact(const ContestOptions& options) {
  const std::string wire = options.has_ring ? "io_uring for replies up to " + size_name(kRingReplyBytesMax) +
                                                  ", epoll for larger ones; "
                                            : "epoll; ";
  return wire + (options.waiting == load::Waiting::kSpins ? "spins" : "sleeps") +
         " while nothing comes; asking one thing at a time it sleeps, but for spinning";
}

void work(Options options, nlohmann::json& json) {
  options.contest.has_ring = options.wire != "epoll" && has_ring();
  if (options.wire == "ring" && !options.contest.has_ring)
    throw std::runtime_error("the kernel does not let us use io_uring");
  if (options.is_sleeping || !has_two_processors()) options.contest.waiting = load::Waiting::kSleeps;
  options.contest.rounds_max = std::max(options.contest.rounds_max, options.contest.rounds);
  Results results{.facts = machine_facts(options.pannierd),
                  .options = options.contest,
                  .contestants = contestants_of(options),
                  .rows = {},
                  .verdicts = {}};
  results.facts.emplace_back("places", processors_used());
  results.facts.emplace_back("load", load_fact(options.contest));
  for (const auto& [name, value] : results.facts) std::printf("%s: %s\n", name.c_str(), value.c_str());
  results.rows = measure(options, results.contestants);
  results.verdicts = verdicts(results.rows, results.contestants);
  print(results.verdicts);
  json = json_of(results);
  if (!options.report.empty()) write(options.report, html_of(results));
  if (!options.markdown.empty()) write(options.markdown, markdown_of(results));
}

void add_options(CLI::App& app, Options& options) {
  app.add_option("--only", options.only, "targets: the shapes that have a target; the default")
      ->check(CLI::IsMember({"targets"}));
  app.add_flag("--all", options.is_all, "The whole matrix");
  app.add_option("--shape", options.filter.shapes,
                 "Only these numbers of connections and depths: of 1, 16, 64, 512 x 1, 16, 64")
      ->type_name("NxD");
  app.add_option("--value", options.filter.values,
                 "Only these sizes: of 64, 1024, 16384, 262144; puts of 64, 65536, 131072, 262144, 1048576")
      ->type_name("BYTES");
  app.add_option("--mix", options.filter.mixes, "Only these: of get, 90/10, get_many, put, put_ttl")
      ->check(CLI::IsMember({"get", "90/10", "get_many", "put", "put_ttl"}));
  app.add_option("--keys", options.filter.keys, "Only these orders of keys: of zipf, uniform")
      ->check(CLI::IsMember({"zipf", "uniform"}));
  app.add_option("--peers", options.peers, "Of redis, memcached, floor, or none; all unless given")
      ->check(CLI::IsMember({"redis", "memcached", "floor", "none"}));
  app.add_option("--pannierd", options.pannierd, "Instead of the one that was built")->type_name("PATH");
  app.add_option("--baseline", options.baseline, "One more pannierd to compare with")->type_name("PATH");
  app.add_option("--second", options.second, "Run pannierd once more, with these arguments too")
      ->type_name("ARGUMENTS");
  app.add_option("--report", options.report, "Write a page with plots")->type_name("FILE.html");
  app.add_option("--markdown", options.markdown, "Write the ratios as a table, as RESULTS.md has it")
      ->type_name("FILE.md");
  app.add_option("--wire", options.wire, "How the load reads and writes; ring, where the kernel lets it")
      ->check(CLI::IsMember({"ring", "epoll"}));
  app.add_flag(
      "--sleep", options.is_sleeping,
      "The load sleeps while nothing comes, so that servers have to wake it, instead of looking again");
  app.add_option("--rounds", options.contest.rounds, "How often all is measured [7]")
      ->check(CLI::Range(1, 1000));
  app.add_option("--rounds-max", options.contest.rounds_max, "How often at most, where figures scatter [13]")
      ->check(CLI::Range(1, 1000));
  app.add_option("--seconds", options.contest.measured_s, "How long each time [0.3]")
      ->check(CLI::Range(0.05, 600.0));
}

}  // namespace
}  // namespace pannier::bench

int main(int argc, char** argv) {
  using namespace pannier::bench;
  Options options;
  Program program("socket", "Gets and puts over the socket, beside Redis, memcached and a bare echo server.",
                  "socket_bench --shape 16x16 --value 64 --mix get --rounds 9");
  add_options(program.options(), options);
  return program.run(argc, argv, [&](nlohmann::json& results) { work(options, results); });
}
