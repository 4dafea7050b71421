#include <cstdio>

#include "tests/bench/program.h"
#include "tests/bench/results.h"
#include "tests/bench/table.h"

namespace pannier::bench {
namespace {

void print_figures(const Row& row, const std::vector<Contestant>& contestants) {
  Table table({"", "requests/s", "p50 us", "p99 us", "p99.9 us", "server CPU us", "load busy"});
  for (std::size_t i = 0; i < contestants.size(); ++i) {
    const auto& rounds = row.rounds[i];
    if (rounds.empty()) continue;
    const auto median = [&](double Figures::*figure) { return median_of(rounds, figure); };
    table.add({contestants[i].name, number(median(&Figures::requests_s), 0), number(median(&Figures::p50_us)),
               number(median(&Figures::p99_us)), number(median(&Figures::p999_us)),
               number(median(&Figures::server_cpu_us), 3), percent(median(&Figures::generator_share))});
  }
  table.print();
}

std::vector<std::string> head_of_comparisons() {
  std::vector<std::string> head{""};
  for (const auto& comparison : kComparisons) head.push_back(comparison.title());
  return head;
}

}  // namespace

void print(const Row& row, const std::vector<Contestant>& contestants) {
  std::printf("\n%s, %zu rounds\n", row.shape.name().c_str(), row.rounds.front().size());
  print_figures(row, contestants);
  const auto verdicts = bench::verdicts({row}, contestants);
  Table table(head_of_comparisons());
  for (const auto& line : lines_of(row, contestants)) {
    std::vector<std::string> cells{line.contestant};
    std::vector<std::string> wanted{"  is to be"};
    bool is_judged = false;
    for (std::size_t i = 0; i < kComparisons.size(); ++i) {
      const Verdict* const each = verdict_on(verdicts, row, line.contestant, kComparisons[i]);
      cells.push_back(line.ratios[i] ? line.ratios[i]->text() : "");
      wanted.push_back(each == nullptr ? "" : each->wanted() + ": " + verdict(each->is_met()));
      is_judged = is_judged || each != nullptr;
    }
    table.add(cells);
    if (is_judged) table.add(wanted);
  }
  table.print();
}

void print(const std::vector<Verdict>& verdicts) {
  if (verdicts.empty()) return;
  std::printf("\nTargets, ratios as medians over the rounds\n");
  Table table({"", "", "figure", "wanted", "median", "spread", ""});
  for (const auto& each : verdicts)
    table.add({each.shape, each.own, each.what, each.wanted(), number(each.got.median, 2), each.got.spread(),
               verdict(each.is_met())});
  table.print();
}

}  // namespace pannier::bench
