// Results: all that socket_bench has measured, and where; on standard output, as JSON, as a table in
// Markdown, and as a report for people.
#pragma once

#include <nlohmann/json_fwd.hpp>
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

/// One row: figures, and ratios with what is wanted of them.
void print(const Row& row, const std::vector<Contestant>& contestants);
void print(const std::vector<Verdict>& verdicts);

/// Every round's figures, the ratios, and the verdicts.
nlohmann::json json_of(const Results& results);

/// The ratios of all rows, Pannier's beside the floor's, with what is wanted of them; and how many are as
/// wanted.
std::string markdown_of(const Results& results);

/// One HTML page that needs nothing else: the verdicts, plots of each size and mix, and all figures.
std::string html_of(const Results& results);

}  // namespace pannier::bench
