// What is made of the figures of several rounds.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "tests/bench/table.h"

namespace pannier::bench {

/// The middle one. Precondition: there is one.
inline double median_of(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

/// "least to most". Precondition: there is one.
inline std::string spread_of(const std::vector<double>& values, int digits = 0) {
  const auto [least, most] = std::minmax_element(values.begin(), values.end());
  return number(*least, digits) + " to " + number(*most, digits);
}

}  // namespace pannier::bench
