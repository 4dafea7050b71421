#include "tests/bench/socket_targets.h"

#include <algorithm>
#include <initializer_list>
#include <string_view>

#include "tests/bench/table.h"

namespace pannier::bench {
namespace {

using load::Mix;
using Figure = double Figures::*;

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

bool is_small_one_by_one(const Shape& shape) {
  return shape.mix == Mix::kGet && is_one_of(shape.value_bytes, {64, 1024}) && shape.depth == 1;
}
bool is_small_at_once(const Shape& shape) { return is_small_one_by_one(shape) && shape.connections > 1; }
bool is_64x1(const Shape& shape) { return is_small_at_once(shape) && shape.connections == 64; }
bool is_16x16(const Shape& shape) { return is(shape, Mix::kGet, 64, 16, 16); }
bool is_64x64(const Shape& shape) { return is(shape, Mix::kGet, 64, 64, 64); }
bool is_mixed_16x16(const Shape& shape) { return is(shape, Mix::kGetPut, 64, 16, 16); }
bool is_large(const Shape& shape) { return shape.mix == Mix::kGet && shape.value_bytes > 1024; }
bool is_many(const Shape& shape) { return shape.mix == Mix::kGetMany && shape.value_bytes == 64; }
bool is_1x1(const Shape& shape) { return is_small_one_by_one(shape) && shape.connections == 1; }

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
    {is_small_one_by_one, &Figures::server_cpu_us, "redis", Bound::kAtMost, 0.7},
    {is_16x16, &Figures::server_cpu_us, "redis", Bound::kAtMost, 0.35},
    {is_1x1, &Figures::requests_s, "redis", Bound::kAtLeastWithinSpread, 1},
    {is_1x1, &Figures::requests_s, "memcached", Bound::kAtLeastWithinSpread, 1},
    {is_1x1, &Figures::p50_us, "redis", Bound::kAtMost, 0.45, kSpinningName},
};

void judge(const Target& target, const Row& row, const std::vector<Contestant>& contestants,
           std::vector<Verdict>& verdicts) {
  const auto* own = rounds_of(row, contestants, target.own);
  const auto* other = rounds_of(row, contestants, target.peer);
  if (!target.holds_for(row.shape) || own == nullptr || other == nullptr) return;
  verdicts.push_back({.shape = row.shape.name(),
                      .own = std::string(target.own),
                      .what = Comparison{target.figure, target.peer}.title(),
                      .bound = target.bound,
                      .value = target.value,
                      .got = ratio_of(*own, *other, target.figure)});
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
    verdicts.push_back({.shape = deep->shape.name(),
                        .own = kPannierName,
                        .what = "requests/s of its own 16x1",
                        .bound = Bound::kAtLeast,
                        .value = kCollapse,
                        .got = ratio_of(deep->rounds.front(), flat->rounds.front(), &Figures::requests_s)});
  }
}

}  // namespace

bool Verdict::is_met() const {
  switch (bound) {
    case Bound::kAtLeast:
      return got.median >= value;
    case Bound::kAtMost:
      return got.median <= value;
    case Bound::kAtLeastWithinSpread:
      return got.max >= value;
  }
  return false;
}

std::string Verdict::wanted() const {
  return (bound == Bound::kAtMost ? "at most " : "at least ") + number(value, 2) +
         (bound == Bound::kAtLeastWithinSpread ? " within the spread" : "");
}

std::string Verdict::sign() const {
  const bool is_large = is_met() == (bound != Bound::kAtMost);
  const char* const sign = is_met() ? (is_large ? "≥ " : "≤ ") : (is_large ? "> " : "< ");
  return sign + number(value, 2) + (bound == Bound::kAtLeastWithinSpread ? " within the spread" : "");
}

std::vector<Verdict> verdicts(const std::vector<Row>& rows, const std::vector<Contestant>& contestants) {
  std::vector<Verdict> verdicts;
  for (const auto& row : rows) {
    for (const auto& target : kTargets) judge(target, row, contestants, verdicts);
  }
  judge_collapse(rows, verdicts);
  return verdicts;
}

const Verdict* verdict_on(const std::vector<Verdict>& verdicts, const Row& row, const std::string& own,
                          const Comparison& comparison) {
  const auto found = std::ranges::find_if(verdicts, [&](const Verdict& each) {
    return each.shape == row.shape.name() && each.own == own && each.what == comparison.title();
  });
  return found == verdicts.end() ? nullptr : &*found;
}

}  // namespace pannier::bench
