// Table: rows of text in aligned columns; the first column to the left, all others to the right.
#pragma once

#include <initializer_list>
#include <string>
#include <vector>

namespace pannier::bench {

class Table {
 public:
  explicit Table(std::vector<std::string> head) : rows_{std::move(head)} {}

  void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
  /// To standard output.
  void print() const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

/// With so many digits after the point.
std::string number(double value, int digits = 1);
/// "12.3 MiB".
std::string mebibytes(double bytes);
std::string percent(double share);

}  // namespace pannier::bench
