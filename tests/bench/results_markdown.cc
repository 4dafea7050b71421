#include <algorithm>

#include "tests/bench/results.h"
#include "tests/bench/table.h"

namespace pannier::bench {
namespace {

std::string joined(const std::vector<std::string>& cells) {
  std::string line = "|";
  for (const auto& cell : cells) line += ' ' + cell + " |";
  return line + '\n';
}

/// "get 64 B, 16 × 1".
std::string load_of(const Shape& shape) {
  std::string name = shape.mix == load::Mix::kGetMany
                         ? "get_many of " + std::to_string(load::kManyKeys) + " keys of "
                         : std::string(load::name_of(shape.mix)) + ' ';
  name += size_name(shape.value_bytes) + ", " + std::to_string(shape.connections) + " × " +
          std::to_string(shape.depth);
  return shape.keys == load::KeyChoice::kZipf ? name : name + ", uniform";
}

std::string busy_of(const Row& row, const std::vector<Contestant>& contestants, const std::string& name) {
  const auto* rounds = rounds_of(row, contestants, name);
  return rounds == nullptr ? "" : number(median_of(*rounds, &Figures::generator_share) * 100, 0) + " %";
}

std::string row_of(const Row& row, const Line& line, const Line* floor, const Results& results) {
  const bool is_own = line.contestant == kPannierName;
  std::vector<std::string> cells{load_of(row.shape) + (is_own ? "" : ", " + line.contestant)};
  for (std::size_t i = 0; i < kComparisons.size(); ++i) {
    const Verdict* const verdict = verdict_on(results.verdicts, row, line.contestant, kComparisons[i]);
    const auto& ratio = line.ratios[i];
    cells.push_back(!ratio ? "" : ratio->text() + (verdict == nullptr ? "" : ' ' + verdict->sign()));
    cells.push_back(floor == nullptr || !floor->ratios[i] ? "" : number(floor->ratios[i]->median, 2));
  }
  cells.push_back(busy_of(row, results.contestants, line.contestant));
  cells.push_back(busy_of(row, results.contestants, kFloorName));
  return joined(cells);
}

}  // namespace

std::string markdown_of(const Results& results) {
  std::vector<std::string> head{"load"};
  for (const auto& comparison : kComparisons) {
    head.push_back(comparison.title());
    head.push_back("floor");
  }
  head.insert(head.end(), {"load busy", "floor"});
  std::string text = joined(head) + joined(std::vector<std::string>(head.size(), "---"));
  for (const auto& row : results.rows) {
    const auto lines = lines_of(row, results.contestants);
    const auto floor = std::ranges::find(lines, kFloorName, &Line::contestant);
    for (const auto& line : lines) {
      if (line.contestant != kFloorName)
        text += row_of(row, line, floor == lines.end() ? nullptr : &*floor, results);
    }
  }
  const auto met = std::ranges::count_if(results.verdicts, &Verdict::is_met);
  return text + '\n' + std::to_string(met) + " of " + std::to_string(results.verdicts.size()) +
         " targets are met.\n";
}

}  // namespace pannier::bench
