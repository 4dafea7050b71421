#include "protocol/histogram.h"

#include <cmath>

namespace pannier::protocol {

void Histogram::clear() {
  std::fill(counts_.begin(), counts_.end(), 0);
  count_ = sum_ns_ = largest_ns_ = 0;
}

double Histogram::quantile_ns(double share) const {
  if (count_ == 0) return 0;
  const double wanted = std::ceil(share * static_cast<double>(count_));
  const std::uint64_t rank = std::clamp<std::uint64_t>(static_cast<std::uint64_t>(wanted), 1, count_);
  std::uint64_t seen = 0;
  std::size_t bucket = 0;
  while ((seen += counts_[bucket]) < rank) ++bucket;
  return (static_cast<double>(first_of(bucket)) + static_cast<double>(last_of(bucket))) / 2;
}

std::uint64_t Histogram::first_of(std::size_t bucket) {
  if (bucket < std::size_t{2} << kBits) return bucket;
  const std::size_t shift = (bucket >> kBits) - 1;
  return static_cast<std::uint64_t>(bucket - (shift << kBits)) << shift;
}

}  // namespace pannier::protocol
