// What goes through the socket: requests a second, latencies and the server's processor time beside Redis and
// memcached, over numbers of connections, depths, sizes and mixes, with a bare echo server as the floor.
//
// The server has a processor of its own, and the load another one, where there are two.
#include <algorithm>
#include <fstream>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "tests/bench/contest.h"
#include "tests/bench/getter.h"
#include "tests/bench/machine.h"
#include "tests/bench/program.h"
#include "tests/bench/results.h"
#include "tests/bench/shape.h"
#include "tests/bench/socket_targets.h"
#include "tests/bench/standing.h"

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
  std::string report;
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
  for (const auto& name : options.peers) {
    if (name == "floor")
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
  if (const auto processor = load_processor()) pin_thread(*processor);
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

void work(const Options& options, nlohmann::json& json) {
  Results results{.facts = machine_facts(options.pannierd),
                  .options = options.contest,
                  .contestants = contestants_of(options),
                  .rows = {},
                  .verdicts = {}};
  results.rows = measure(options, results.contestants);
  results.verdicts = verdicts(results.rows, results.contestants);
  print(results.verdicts);
  json = json_of(results);
  if (!options.report.empty()) write(options.report, html_of(results));
}

void add_options(CLI::App& app, Options& options) {
  app.add_option("--only", options.only, "targets: the shapes that have a target; the default")
      ->check(CLI::IsMember({"targets"}));
  app.add_flag("--all", options.is_all, "The whole matrix");
  app.add_option("--shape", options.filter.shapes,
                 "Only these numbers of connections and depths: of 1, 16, 64, 512 x 1, 16, 64")
      ->type_name("NxD");
  app.add_option("--value", options.filter.values, "Only these sizes: of 64, 1024, 16384, 262144")
      ->type_name("BYTES");
  app.add_option("--mix", options.filter.mixes, "Only these: of get, 90/10, get_many")
      ->check(CLI::IsMember({"get", "90/10", "get_many"}));
  app.add_option("--keys", options.filter.keys, "Only these orders of keys: of zipf, uniform")
      ->check(CLI::IsMember({"zipf", "uniform"}));
  app.add_option("--peers", options.peers, "Of redis, memcached, floor, or none; all unless given")
      ->check(CLI::IsMember({"redis", "memcached", "floor", "none"}));
  app.add_option("--pannierd", options.pannierd, "Instead of the one that was built")->type_name("PATH");
  app.add_option("--baseline", options.baseline, "One more pannierd to compare with")->type_name("PATH");
  app.add_option("--second", options.second, "Run pannierd once more, with these arguments too")
      ->type_name("ARGUMENTS");
  app.add_option("--report", options.report, "Write a page with plots")->type_name("FILE.html");
  app.add_option("--rounds", options.contest.rounds, "How often all is measured [7]")
      ->check(CLI::Range(1, 1000));
  app.add_option("--seconds", options.contest.measured_s, "How long each time [0.6]")
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
