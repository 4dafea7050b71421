#include <algorithm>
#include <cmath>
#include <cstdio>
#include <random>
#include <utility>

#include "tests/bench/ledger.h"
#include "tests/bench/program.h"
#include "tests/bench/shifting.h"
#include "tests/bench/table.h"
#include "tests/bench/work.h"

namespace pannier::bench {
namespace {

constexpr std::size_t kSmallPutBytes = 8 * 1024;

/// What the puts of a phase did.
struct Costs {
  std::uint64_t puts = 0;
  std::uint64_t refused = 0;
  double ns = 0;
  double ns_max = 0;
  std::uint64_t written_bytes = 0;
  std::uint64_t evicted = 0;
  std::uint64_t evicted_bytes = 0;
  std::uint64_t evicted_max = 0;
  std::uint64_t moved_max = 0;
  std::uint64_t moved_bytes = 0;
  std::uint64_t small_work_max = 0;  ///< of puts up to kSmallPutBytes
  std::uint64_t over_bound = 0;      ///< puts that evicted and moved more than the bound
  double live_min = 1;               ///< after puts that evicted
  double live_last = 0;

  /// May evict and move four times what it needs, and 64 more.
  static double bound_of(const PutCost& cost, std::size_t value_bytes) {
    if (cost.evicted == 0) return 64;
    const double mean = static_cast<double>(cost.evicted_bytes) / static_cast<double>(cost.evicted);
    return 4 * static_cast<double>(storage::entry_charge(kKeyBytes, value_bytes)) / mean + 64;
  }

  void add(const PutCost& cost, std::size_t value_bytes, const Ledger& ledger) {
    ++puts;
    refused += cost.is_written ? 0 : 1;
    ns += cost.ns;
    ns_max = std::max(ns_max, cost.ns);
    written_bytes += kKeyBytes + value_bytes;
    evicted += cost.evicted;
    evicted_bytes += cost.evicted_bytes;
    evicted_max = std::max(evicted_max, cost.evicted);
    moved_max = std::max(moved_max, cost.moved);
    moved_bytes += cost.moved_bytes;
    const std::uint64_t work = cost.evicted + cost.moved;
    if (value_bytes <= kSmallPutBytes) small_work_max = std::max(small_work_max, work);
    if (static_cast<double>(work) > bound_of(cost, value_bytes)) ++over_bound;
    if (cost.evicted == 0) return;
    live_last = ledger.live_share();
    live_min = std::min(live_min, live_last);
  }

  double ns_a_put() const { return ns / static_cast<double>(std::max<std::uint64_t>(puts, 1)); }
  double moved_a_written_byte() const {
    return static_cast<double>(moved_bytes) / static_cast<double>(std::max<std::uint64_t>(written_bytes, 1));
  }
  double evicted_mean_bytes() const {
    return static_cast<double>(evicted_bytes) / static_cast<double>(std::max<std::uint64_t>(evicted, 1));
  }
  nlohmann::json to_json() const {
    return {{"puts", puts},
            {"refused", refused},
            {"ns_a_put", ns_a_put()},
            {"ns_max", ns_max},
            {"written_bytes", written_bytes},
            {"evicted", evicted},
            {"evicted_mean_bytes", evicted_mean_bytes()},
            {"evicted_max", evicted_max},
            {"moved_max", moved_max},
            {"moved_bytes", moved_bytes},
            {"small_work_max", small_work_max},
            {"over_bound", over_bound},
            {"live_min", live_min},
            {"live_last", live_last}};
  }
};

Table table_of(const std::string& title) {
  return Table({title, "puts", "refused", "evicted, mean", "evicted, max", "moved, max", "over bound",
                "live, min", "live, end", "ns a put", "max ms", ""});
}

void tell(Table& table, const std::string& name, const Costs& costs) {
  std::vector<std::string> row{name, std::to_string(costs.puts), std::to_string(costs.refused)};
  const bool is_full = costs.evicted > 0;
  row.push_back(is_full ? number(costs.evicted_mean_bytes(), 0) : "-");
  row.push_back(std::to_string(costs.evicted_max));
  row.push_back(std::to_string(costs.moved_max));
  row.push_back(std::to_string(costs.over_bound));
  row.push_back(is_full ? percent(costs.live_min) : "-");
  row.push_back(is_full ? percent(costs.live_last) : "-");
  row.push_back(number(costs.moved_a_written_byte(), 3));
  const bool is_met = costs.over_bound == 0 && costs.live_last >= kLiveTarget;
  row.insert(row.end(),
             {number(costs.ns_a_put(), 0), number(costs.ns_max / 1e6, 2), is_full ? verdict(is_met) : ""});
  table.add(std::move(row));
}

/// How the values of one phase are sized.
struct Sizes {
  enum Kind { kLogNormal, kUniform } kind;
  double first;   ///< median; smallest
  double second;  ///< sigma; largest

  std::string name() const {
    return kind == kLogNormal ? "log-normal, median " + number(first, 0) + ", sigma " + number(second)
                              : "uniform, " + number(first, 0) + " to " + number(second, 0);
  }
};

constexpr double kKib = 1024;
constexpr double kMib = 1024 * kKib;
constexpr double kSmallest = 48;
constexpr double kLargest = 16 * kMib;

/// In an order in which small follows large and the other way round.
constexpr Sizes kRandomPhases[] = {
    {Sizes::kLogNormal, 100, 0.8},       {Sizes::kUniform, 48, 200},
    {Sizes::kLogNormal, 1 * kKib, 1},    {Sizes::kUniform, 48, 8 * kKib},
    {Sizes::kLogNormal, 300, 1.5},       {Sizes::kUniform, 1 * kKib, 2 * kKib},
    {Sizes::kLogNormal, 64 * kKib, 1.5}, {Sizes::kUniform, 64 * kKib, 1 * kMib},
    {Sizes::kLogNormal, 4 * kKib, 2},    {Sizes::kUniform, 48, 500},
    {Sizes::kLogNormal, 100, 0.5},       {Sizes::kUniform, 1 * kMib, 16 * kMib},
    {Sizes::kLogNormal, 1 * kMib, 1.5},  {Sizes::kUniform, 200, 400},
    {Sizes::kLogNormal, 500, 1},         {Sizes::kUniform, 48, 64 * kKib},
    {Sizes::kLogNormal, 20 * kKib, 2},   {Sizes::kUniform, 4 * kKib, 5 * kKib},
    {Sizes::kLogNormal, 150, 1},         {Sizes::kUniform, 48, 16 * kMib},
};
constexpr std::uint64_t kRandomLimit = std::uint64_t{256} << 20;
constexpr std::uint64_t kRandomPhaseBytes = 8 * kRandomLimit;
constexpr double kEraseShare = 0.3;
constexpr double kOverwriteShare = 0.3;  ///< of puts

class RandomShift {
 public:
  Costs run(const Sizes& sizes, std::uint64_t puts_max) {
    Costs costs;
    while (costs.puts < puts_max && costs.written_bytes < kRandomPhaseBytes) {
      if (unit_(random_) < kEraseShare) {
        ledger_.erase(recent());
        continue;
      }
      const std::uint64_t number = unit_(random_) < kOverwriteShare ? recent() : next_++;
      const std::size_t value_bytes = size_from(sizes);
      costs.add(ledger_.put(number, value_bytes), value_bytes, ledger_);
    }
    return costs;
  }

 private:
  /// One of about as many latest as are live: most are there.
  std::uint64_t recent() {
    if (next_ == 0) return 0;
    const std::uint64_t window = std::clamp<std::uint64_t>(ledger_.live_entries(), 1, next_);
    return next_ - 1 - random_() % window;
  }

  std::size_t size_from(const Sizes& sizes) {
    const double size = sizes.kind == Sizes::kLogNormal
                            ? sizes.first * std::exp(sizes.second * normal_(random_))
                            : sizes.first + (sizes.second - sizes.first) * unit_(random_);
    return static_cast<std::size_t>(std::clamp(size, kSmallest, kLargest));
  }

  Ledger ledger_{kRandomLimit};
  std::mt19937_64 random_{1};
  std::uniform_real_distribution<double> unit_{0, 1};
  std::normal_distribution<double> normal_;
  std::uint64_t next_ = 0;
};

}  // namespace

void shift_storage(const ShiftOptions& options, nlohmann::json& results) {
  const std::uint64_t limit_bytes = options.limit_mib << 20;
  Ledger ledger(limit_bytes);
  Table table = table_of("in the process, limit " + mebibytes(static_cast<double>(limit_bytes)));
  for (const auto& phase : shift_phases(limit_bytes)) {
    const std::string name = std::to_string(phase.count) + " x " + std::to_string(phase.value_bytes);
    progress("in the process: " + name);
    Costs costs;
    for (std::uint64_t i = 0; i < phase.count; ++i) {
      costs.add(ledger.put(phase.first + i, phase.value_bytes), phase.value_bytes, ledger);
    }
    tell(table, name, costs);
    results.push_back(costs.to_json());
  }
  progress("");
  table.print();
  std::printf(
      "bound of what one put evicts and moves: 4 x its bytes / the mean bytes of what it evicted + 64\n");
}

void shift_storage_at_random(const ShiftOptions& options, nlohmann::json& results) {
  RandomShift shift;
  Table table = table_of("in the process, limit " + mebibytes(kRandomLimit));
  double live_min = 1;
  std::uint64_t small_work_max = 0;
  double moved = 0;
  double written = 0;
  for (const auto& sizes : kRandomPhases) {
    progress("in the process: " + sizes.name());
    const Costs costs = shift.run(sizes, options.puts / std::size(kRandomPhases));
    tell(table, sizes.name(), costs);
    live_min = std::min(live_min, costs.live_min);
    small_work_max = std::max(small_work_max, costs.small_work_max);
    moved += static_cast<double>(costs.moved_bytes);
    written += static_cast<double>(costs.written_bytes);
    results["phases"].push_back(costs.to_json());
  }
  progress("");
  table.print();
  std::printf(
      "live: keys, values and %.0f bytes an entry, of the limit, when something was evicted; target %s at "
      "the end "
      "of every phase\nworst live while shifting %s; worst number evicted and moved by a put of at most 8 "
      "KiB %llu; bytes moved a byte written %s\n",
      kOverheadBytes, percent(kLiveTarget).c_str(), percent(live_min).c_str(),
      static_cast<unsigned long long>(small_work_max), number(moved / written, 3).c_str());
  results["live_min"] = live_min;
  results["small_work_max"] = small_work_max;
  results["moved_a_written_byte"] = moved / written;
}

}  // namespace pannier::bench
