// Histogram of durations, as `info` tells latencies and the load generator measures them: log-linear buckets,
// 64 for each power of two, so that a figure is off by less than one part in a hundred (the layout of G.
// Tene's HdrHistogram with a precision of 2^-6). Noting one is a few additions; nothing is allocated after
// construction. Thread safety: none.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace pannier::protocol {

class Histogram {
 public:
  Histogram() : counts_(kBuckets) {}

  /// Notes the same duration so many times. One above kMaxNs counts as that in its bucket, and as itself in
  /// sum and largest.
  void add(std::uint64_t ns, std::uint64_t times = 1) {
    counts_[bucket_of(ns)] += times;
    count_ += times;
    sum_ns_ += ns * times;
    largest_ns_ = std::max(largest_ns_, ns);
  }
  void clear();

  std::uint64_t count() const { return count_; }
  /// Of all durations; it wraps around after 584 years of them.
  std::uint64_t sum_ns() const { return sum_ns_; }
  /// Exactly; 0 if there are none.
  std::uint64_t largest_ns() const { return largest_ns_; }
  /// The duration that this share of all (0 to 1) does not exceed: the middle of its bucket. 0 if there are
  /// none.
  double quantile_ns(double share) const;
  /// Calls `use(last_ns, count)` for each bucket with any, shortest first: so many durations are at most
  /// last_ns, and above the last_ns of the bucket before it.
  template <typename Use>
  void for_each_bucket(Use use) const {
    for (std::size_t bucket = 0; bucket < counts_.size(); ++bucket) {
      if (counts_[bucket] > 0) use(last_of(bucket), counts_[bucket]);
    }
  }

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
  static std::uint64_t first_of(std::size_t bucket);
  static std::uint64_t last_of(std::size_t bucket) { return first_of(bucket + 1) - 1; }

  std::vector<std::uint64_t> counts_;
  std::uint64_t count_ = 0;
  std::uint64_t sum_ns_ = 0;
  std::uint64_t largest_ns_ = 0;
};

}  // namespace pannier::protocol
