#include "tests/bench/standing.h"

#include <algorithm>
#include <cstdio>

#include "tests/bench/rounds.h"
#include "tests/bench/table.h"

namespace pannier::bench {

std::string Ratio::spread() const { return number(min, 2) + ".." + number(max, 2); }

double median_of(const std::vector<Figures>& rounds, double Figures::*figure) {
  std::vector<double> values;
  for (const auto& each : rounds) values.push_back(each.*figure);
  return median_of(std::move(values));
}

Ratio ratio_of(const std::vector<Figures>& one, const std::vector<Figures>& other, double Figures::*figure) {
  std::vector<double> ratios;
  for (std::size_t i = 0; i < one.size(); ++i) ratios.push_back(one[i].*figure / other[i].*figure);
  const auto [min, max] = std::ranges::minmax(ratios);
  return {median_of(ratios), min, max};
}

void print(const Row& row, const std::vector<Contestant>& contestants) {
  std::printf("\n%s\n", row.shape.name().c_str());
  const std::string& own = contestants.front().name;
  Table table({"", "requests/s", own + "'s by it", "spread", "p50 us", "p99 us", "p99.9 us", "server CPU us",
               "generator busy"});
  for (std::size_t i = 0; i < contestants.size(); ++i) {
    const auto& rounds = row.rounds[i];
    if (rounds.empty()) continue;
    const auto median = [&](double Figures::*figure) { return median_of(rounds, figure); };
    const Ratio ratio = ratio_of(row.rounds.front(), rounds, &Figures::requests_s);
    table.add({contestants[i].name, number(median(&Figures::requests_s), 0),
               i == 0 ? "" : number(ratio.median, 2), i == 0 ? "" : ratio.spread(),
               number(median(&Figures::p50_us)), number(median(&Figures::p99_us)),
               number(median(&Figures::p999_us)), number(median(&Figures::server_cpu_us), 3),
               percent(median(&Figures::generator_share))});
  }
  table.print();
}

}  // namespace pannier::bench
