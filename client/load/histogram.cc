#include "client/load/histogram.h"

#include <algorithm>
#include <cmath>

namespace pannier::load {

void Histogram::clear() {
  std::fill(counts_.begin(), counts_.end(), 0);
  count_ = 0;
}

double Histogram::quantile_ns(double share) const {
  if (count_ == 0) return 0;
  const double wanted = std::ceil(share * static_cast<double>(count_));
  const std::uint64_t rank = std::clamp<std::uint64_t>(static_cast<std::uint64_t>(wanted), 1, count_);
  std::uint64_t seen = 0;
  std::size_t bucket = 0;
  while ((seen += counts_[bucket]) < rank) ++bucket;
  return middle_of(bucket);
}

double Histogram::middle_of(std::size_t bucket) {
  if (bucket < std::size_t{2} << kBits) return static_cast<double>(bucket);
  const std::size_t shift = (bucket >> kBits) - 1;
  const std::uint64_t first = (bucket - (shift << kBits)) << shift;
  return static_cast<double>(first) + static_cast<double>((std::uint64_t{1} << shift) - 1) / 2;
}

}  // namespace pannier::load
