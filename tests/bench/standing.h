// Standing: how one server stands beside another in one shape: each round's figure of one by that of the
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
  /// "2.40 (2.31..2.45)".
  std::string text() const;
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

/// Whether the quartiles of the first contestant's requests a second, by those of any other one, are further
/// apart than a seventh of their median: it takes more rounds to tell then, wherever that median is.
/// Precondition: the first one took part.
bool is_scattered(const Rounds& rounds);

}  // namespace pannier::bench
