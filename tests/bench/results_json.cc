#include <nlohmann/json.hpp>

#include "tests/bench/results.h"

namespace pannier::bench {
namespace {

using nlohmann::json;

json json_of(const Shape& shape) {
  return {{"name", shape.name()},
          {"mix", load::name_of(shape.mix)},
          {"value_bytes", shape.value_bytes},
          {"connections", shape.connections},
          {"depth", shape.depth},
          {"keys", load::name_of(shape.keys)},
          {"keys_a_request", load::keys_of(shape.mix)}};
}

json json_of(const std::vector<Figures>& rounds) {
  const auto all = [&](double Figures::*figure) {
    json values = json::array();
    for (const auto& each : rounds) values.push_back(each.*figure);
    return values;
  };
  return {{"requests_s", all(&Figures::requests_s)},
          {"p50_us", all(&Figures::p50_us)},
          {"p99_us", all(&Figures::p99_us)},
          {"p999_us", all(&Figures::p999_us)},
          {"server_cpu_us", all(&Figures::server_cpu_us)},
          {"generator_busy", all(&Figures::generator_share)}};
}

json json_of(const Ratio& ratio) {
  return {{"median", ratio.median}, {"min", ratio.min}, {"max", ratio.max}};
}

json json_of(const Line& line) {
  json ratios = json::object();
  for (std::size_t i = 0; i < kComparisons.size(); ++i) {
    if (line.ratios[i]) ratios[kComparisons[i].title()] = json_of(*line.ratios[i]);
  }
  return ratios;
}

}  // namespace

json json_of(const Results& results) {
  json facts = json::object();
  for (const auto& [name, value] : results.facts) facts[name] = value;
  json rows = json::array();
  for (const auto& row : results.rows) {
    json servers = json::object();
    json ratios = json::object();
    for (std::size_t i = 0; i < row.rounds.size(); ++i) {
      if (!row.rounds[i].empty()) servers[results.contestants[i].name] = json_of(row.rounds[i]);
    }
    for (const auto& line : lines_of(row, results.contestants)) ratios[line.contestant] = json_of(line);
    rows.push_back({{"shape", json_of(row.shape)}, {"servers", servers}, {"ratios", ratios}});
  }
  json targets = json::array();
  for (const auto& each : results.verdicts) {
    targets.push_back({{"shape", each.shape},
                       {"server", each.own},
                       {"figure", each.what},
                       {"wanted", each.wanted()},
                       {"got", json_of(each.got)},
                       {"is_met", each.is_met()}});
  }
  return {{"machine", facts},
          {"rounds", results.options.rounds},
          {"seconds", results.options.measured_s},
          {"rows", rows},
          {"targets", targets}};
}

}  // namespace pannier::bench
