// Standing: how Pannier stands beside another server in one shape: each round's figure of one by that of the
// other, their median and their spread.
#pragma once

#include <string>

#include "tests/bench/contest.h"

namespace pannier::bench {

struct Ratio {
  double median;
  double min;
  double max;

  /// "2.31..2.45".
  std::string spread() const;
};

/// One shape with what was measured.
struct Row {
  Shape shape;
  Rounds rounds;  ///< by contestant
};

/// Of what all rounds measured of one figure. Precondition: there is a round.
double median_of(const std::vector<Figures>& rounds, double Figures::*figure);
/// The figure of `one` by that of `other`, round by round. Precondition: both took part.
Ratio ratio_of(const std::vector<Figures>& one, const std::vector<Figures>& other, double Figures::*figure);

/// The row as a table on standard output; the first contestant is the one the ratios are of.
void print(const Row& row, const std::vector<Contestant>& contestants);

}  // namespace pannier::bench
