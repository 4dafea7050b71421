#include "tests/bench/comparison.h"

#include <algorithm>

namespace pannier::bench {
namespace {

std::string_view name_of(double Figures::*figure) {
  if (figure == &Figures::requests_s) return "requests/s";
  if (figure == &Figures::server_cpu_us) return "server CPU";
  return figure == &Figures::p99_us ? "p99" : "p50";
}

bool is_peer(const Contestant& contestant) { return contestant.peer && *contestant.peer != Peer::kPannier; }

}  // namespace

std::string Comparison::title() const { return std::string(name_of(figure)) + " of " + std::string(peer); }

const std::vector<Figures>* rounds_of(const Row& row, const std::vector<Contestant>& contestants,
                                      std::string_view name) {
  const auto found = std::ranges::find(contestants, name, &Contestant::name);
  if (found == contestants.end()) return nullptr;
  const auto& rounds = row.rounds[static_cast<std::size_t>(found - contestants.begin())];
  return rounds.empty() ? nullptr : &rounds;
}

std::vector<Line> lines_of(const Row& row, const std::vector<Contestant>& contestants) {
  std::vector<Line> lines;
  for (const auto& contestant : contestants) {
    const auto* own = rounds_of(row, contestants, contestant.name);
    if (own == nullptr || is_peer(contestant)) continue;
    Line line{contestant.name, {}};
    for (std::size_t i = 0; i < kComparisons.size(); ++i) {
      const auto* other = rounds_of(row, contestants, kComparisons[i].peer);
      if (other != nullptr) line.ratios[i] = ratio_of(*own, *other, kComparisons[i].figure);
    }
    lines.push_back(line);
  }
  return lines;
}

}  // namespace pannier::bench
