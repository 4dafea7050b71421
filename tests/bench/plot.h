// Plots: SVG for a page of HTML, without a script; colors come from the page's style, by the classes s0, s1,
// ... of the servers.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace pannier::bench {

/// One bar: the median of the rounds, and between which values they were.
struct Bar {
  std::size_t series;  ///< which server
  double median;
  double min;
  double max;
  std::string text;  ///< behind it
};

/// Bars that belong together.
struct BarGroup {
  std::string name;
  std::vector<Bar> bars;
};

/// Horizontal bars from zero, with a line from the least to the greatest. Each group has a scale of its own.
std::string bar_plot(const std::vector<BarGroup>& groups);

/// Of one server: a line from the median latency to its tail.
struct Tail {
  std::size_t series;
  std::vector<double> values;  ///< ascending
};
struct TailGroup {
  std::string name;
  std::vector<Tail> tails;
};

/// Points on a logarithmic axis, joined by lines.
std::string tail_plot(const std::vector<TailGroup>& groups);

}  // namespace pannier::bench
