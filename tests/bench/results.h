// Results: all that socket_bench has measured, and where; as JSON, and as a report for people.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "tests/bench/socket_targets.h"
#include "tests/bench/standing.h"

namespace pannier::bench {

struct Results {
  std::vector<std::pair<std::string, std::string>> facts;  ///< of the machine
  ContestOptions options;
  std::vector<Contestant> contestants;
  std::vector<Row> rows;
  std::vector<Verdict> verdicts;
};

/// Every round's figures, and the verdicts.
nlohmann::json json_of(const Results& results);

/// One HTML page that needs nothing else: the verdicts, plots of each size and mix, and all figures.
std::string html_of(const Results& results);

}  // namespace pannier::bench
