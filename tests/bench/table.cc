#include "tests/bench/table.h"

#include <algorithm>
#include <cstdio>

namespace pannier::bench {

void Table::print() const {
  std::vector<std::size_t> widths;
  for (const auto& row : rows_) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  for (const auto& row : rows_) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      const std::string gap(widths[i] - row[i].size(), ' ');
      line += i == 0 ? row[i] + gap : "  " + gap + row[i];
    }
    std::printf("%s\n", line.c_str());
  }
  std::fflush(stdout);
}

std::string number(double value, int digits) {
  char text[64];
  std::snprintf(text, sizeof text, "%.*f", digits, value);
  return text;
}

std::string mebibytes(double bytes) { return number(bytes / (1 << 20)) + " MiB"; }

std::string percent(double share) { return number(share * 100) + " %"; }

}  // namespace pannier::bench
