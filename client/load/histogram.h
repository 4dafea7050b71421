// Histogram of latencies: log-linear buckets, 64 for each power of two, so that a figure is off by less than
// one part in a hundred. Noting one is an increment; nothing is allocated after construction.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace pannier::load {

class Histogram {
 public:
  Histogram() : counts_(kBuckets) {}

  /// Notes the same duration so many times. One above kMaxNs counts as that.
  void add(std::uint64_t ns, std::uint64_t times = 1) {
    counts_[bucket_of(ns)] += times;
    count_ += times;
  }
  void clear();

  std::uint64_t count() const { return count_; }
  /// The duration that this share of all (0 to 1) does not exceed: the middle of its bucket. 0 if there are
  /// none.
  double quantile_ns(double share) const;

  static constexpr std::uint64_t kMaxNs = (std::uint64_t{1} << 40) - 1;  ///< 18 minutes

 private:
  static constexpr unsigned kBits = 6;
  static constexpr std::size_t kBuckets = std::size_t{40 - kBits + 1} << kBits;

  /// Durations below 2^(kBits + 1) have a bucket each.
  static std::size_t bucket_of(std::uint64_t ns) {
    if (ns > kMaxNs) ns = kMaxNs;
    const auto shift = static_cast<int>(std::bit_width(ns >> kBits)) - 1;
    if (shift <= 0) return ns;
    return (static_cast<std::size_t>(shift) << kBits) + (ns >> shift);
  }
  static double middle_of(std::size_t bucket);

  std::vector<std::uint64_t> counts_;
  std::uint64_t count_ = 0;
};

}  // namespace pannier::load
