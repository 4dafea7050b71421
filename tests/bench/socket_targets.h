// What is wanted of Pannier in the shapes of socket_bench, and how far it is there.
#pragma once

#include <string>
#include <vector>

#include "tests/bench/comparison.h"

namespace pannier::bench {

enum class Bound : std::uint8_t {
  kAtLeast,
  kAtMost,
  kAtLeastWithinSpread,  ///< one of the rounds is enough
};

/// One target in one shape.
struct Verdict {
  std::string shape;
  std::string own;   ///< the contestant
  std::string what;  ///< "requests/s of redis"
  Bound bound;
  double value;
  Ratio got;

  bool is_met() const;
  /// "at least 2.80".
  std::string wanted() const;
  /// "≥ 2.80" where it is met, "< 2.80" where it is not.
  std::string sign() const;
};

/// Of all targets that these rows say something about.
std::vector<Verdict> verdicts(const std::vector<Row>& rows, const std::vector<Contestant>& contestants);

/// The one on this comparison of this contestant; nullptr if nothing is wanted there.
const Verdict* verdict_on(const std::vector<Verdict>& verdicts, const Row& row, const std::string& own,
                          const Comparison& comparison);

}  // namespace pannier::bench
