#include "tests/bench/socket_targets.h"

#include <algorithm>
#include <cstdio>
#include <initializer_list>
#include <string_view>

#include "tests/bench/program.h"
#include "tests/bench/table.h"

namespace pannier::bench {
namespace {

using load::Mix;
using Figure = double Figures::*;

enum class Bound : std::uint8_t {
  kAtLeast,
  kAtMost,
  kAtLeastWithinSpread,  ///< one of the rounds is enough
};

struct Target {
  bool (*holds_for)(const Shape&);
  Figure figure;
  std::string_view peer;
  Bound bound;
  double value;
  std::string_view own = kPannierName;
};

bool is_one_of(std::uint64_t value, std::initializer_list<std::uint64_t> values) {
  return std::ranges::count(values, value) > 0;
}

bool is(const Shape& shape, Mix mix, std::size_t value_bytes, std::uint32_t connections,
        std::uint32_t depth) {
  return shape.mix == mix && shape.value_bytes == value_bytes && shape.connections == connections &&
         shape.depth == depth;
}

bool is_small_at_once(const Shape& shape) {
  return shape.mix == Mix::kGet && is_one_of(shape.value_bytes, {64, 1024}) && shape.depth == 1 &&
         is_one_of(shape.connections, {16, 64, 512});
}
bool is_64x1(const Shape& shape) { return is_small_at_once(shape) && shape.connections == 64; }
bool is_16x16(const Shape& shape) { return is(shape, Mix::kGet, 64, 16, 16); }
bool is_64x64(const Shape& shape) { return is(shape, Mix::kGet, 64, 64, 64); }
bool is_mixed_16x16(const Shape& shape) { return is(shape, Mix::kGetPut, 64, 16, 16); }
bool is_large(const Shape& shape) { return shape.mix == Mix::kGet && shape.value_bytes > 1024; }
bool is_many(const Shape& shape) { return shape.mix == Mix::kGetMany && shape.value_bytes == 64; }
bool is_1x1(const Shape& shape) { return is(shape, Mix::kGet, 64, 1, 1); }

constexpr Target kTargets[] = {
    {is_small_at_once, &Figures::requests_s, "redis", Bound::kAtLeast, 1.25},
    {is_small_at_once, &Figures::requests_s, "memcached", Bound::kAtLeast, 1.15},
    {is_64x1, &Figures::p99_us, "redis", Bound::kAtMost, 0.8},
    {is_16x16, &Figures::requests_s, "redis", Bound::kAtLeast, 2.8},
    {is_16x16, &Figures::requests_s, "memcached", Bound::kAtLeast, 2.2},
    {is_16x16, &Figures::p99_us, "redis", Bound::kAtMost, 0.5},
    {is_64x64, &Figures::requests_s, "redis", Bound::kAtLeast, 2.6},
    {is_mixed_16x16, &Figures::requests_s, "redis", Bound::kAtLeast, 2.5},
    {is_large, &Figures::requests_s, "memcached", Bound::kAtLeast, 1},
    {is_many, &Figures::requests_s, "redis", Bound::kAtLeast, 2},
    {is_small_at_once, &Figures::server_cpu_us, "redis", Bound::kAtMost, 0.7},
    {is_16x16, &Figures::server_cpu_us, "redis", Bound::kAtMost, 0.35},
    {is_1x1, &Figures::requests_s, "redis", Bound::kAtLeastWithinSpread, 1},
    {is_1x1, &Figures::requests_s, "memcached", Bound::kAtLeastWithinSpread, 1},
    {is_1x1, &Figures::p50_us, "redis", Bound::kAtMost, 0.45, kSecondName},
};

std::string_view name_of(Figure figure) {
  if (figure == &Figures::requests_s) return "requests/s";
  if (figure == &Figures::server_cpu_us) return "server CPU";
  return figure == &Figures::p99_us ? "p99" : "p50";
}

bool is_met(const Target& target, const Ratio& got) {
  switch (target.bound) {
    case Bound::kAtLeast:
      return got.median >= target.value;
    case Bound::kAtMost:
      return got.median <= target.value;
    case Bound::kAtLeastWithinSpread:
      return got.max >= target.value;
  }
  return false;
}

/// In this row; nullptr if it was not measured.
const std::vector<Figures>* rounds_of(const Row& row, const std::vector<Contestant>& contestants,
                                      std::string_view name) {
  for (std::size_t i = 0; i < contestants.size(); ++i) {
    if (contestants[i].name == name && !row.rounds[i].empty()) return &row.rounds[i];
  }
  return nullptr;
}

void judge(const Target& target, const Row& row, const std::vector<Contestant>& contestants,
           std::vector<Verdict>& verdicts) {
  const auto* own = rounds_of(row, contestants, target.own);
  const auto* other = rounds_of(row, contestants, target.peer);
  if (!target.holds_for(row.shape) || own == nullptr || other == nullptr) return;
  const Ratio got = ratio_of(*own, *other, target.figure);
  const bool is_most = target.bound == Bound::kAtMost;
  verdicts.push_back({.shape = row.shape.name(),
                      .what = std::string(name_of(target.figure)) + " of " + std::string(target.own) +
                              " by " + std::string(target.peer),
                      .wanted = (is_most ? "at most " : "at least ") + number(target.value, 2) +
                                (target.bound == Bound::kAtLeastWithinSpread ? " within the spread" : ""),
                      .got = got,
                      .is_met = is_met(target, got)});
}

/// Many large replies under way at once: half of what the same connections do one by one is a collapse.
void judge_collapse(const std::vector<Row>& rows, std::vector<Verdict>& verdicts) {
  constexpr double kCollapse = 0.5;
  const auto row_of = [&](std::uint32_t depth, load::KeyChoice keys) {
    return std::ranges::find_if(rows, [=](const Row& row) {
      return is(row.shape, Mix::kGet, std::size_t{256} << 10, 16, depth) && row.shape.keys == keys;
    });
  };
  for (const auto keys : {load::KeyChoice::kZipf, load::KeyChoice::kUniform}) {
    const auto deep = row_of(16, keys);
    const auto flat = row_of(1, keys);
    if (deep == rows.end() || flat == rows.end()) continue;
    const Ratio got = ratio_of(deep->rounds.front(), flat->rounds.front(), &Figures::requests_s);
    verdicts.push_back({.shape = deep->shape.name(),
                        .what = "requests/s by those of 16x1",
                        .wanted = "at least " + number(kCollapse, 2),
                        .got = got,
                        .is_met = got.median >= kCollapse});
  }
}

}  // namespace

std::vector<Verdict> verdicts(const std::vector<Row>& rows, const std::vector<Contestant>& contestants) {
  std::vector<Verdict> verdicts;
  for (const auto& row : rows) {
    for (const auto& target : kTargets) judge(target, row, contestants, verdicts);
  }
  judge_collapse(rows, verdicts);
  return verdicts;
}

void print(const std::vector<Verdict>& verdicts) {
  if (verdicts.empty()) return;
  std::printf("\nTargets, ratios as medians over the rounds\n");
  Table table({"", "figure", "wanted", "median", "spread", ""});
  for (const auto& each : verdicts)
    table.add({each.shape, each.what, each.wanted, number(each.got.median, 2), each.got.spread(),
               verdict(each.is_met)});
  table.print();
}

}  // namespace pannier::bench
