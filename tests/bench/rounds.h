// What is made of the figures of several rounds.
#pragma once

#include <algorithm>
#include <vector>

namespace pannier::bench {

/// The middle one. Precondition: there is one.
inline double median_of(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

}  // namespace pannier::bench
