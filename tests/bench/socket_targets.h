// What is wanted of Pannier in the shapes of socket_bench, and how far it is there.
#pragma once

#include <string>
#include <vector>

#include "tests/bench/standing.h"

namespace pannier::bench {

/// One target in one shape.
struct Verdict {
  std::string shape;
  std::string what;    ///< "requests/s by redis'"
  std::string wanted;  ///< "at least 2.80"
  Ratio got;
  bool is_met;
};

/// Of all targets that these rows say something about.
std::vector<Verdict> verdicts(const std::vector<Row>& rows, const std::vector<Contestant>& contestants);

/// As a table on standard output.
void print(const std::vector<Verdict>& verdicts);

}  // namespace pannier::bench
