// How long methods took between two answers of `info`, out of the histograms that it tells with its option
// `buckets`. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace pannier::cli {

/// So many answers took at most last_ns, and longer than the last_ns of the bucket before.
struct TimeBucket {
  std::uint64_t last_ns;
  std::uint64_t count;
};
/// By method; shortest times first, without empty ones.
using MethodTimes = std::map<std::string, std::vector<TimeBucket>>;

/// Of answers between two looks.
struct MethodFigures {
  std::string name;
  std::uint64_t answered = 0;
  std::uint64_t p50_ns = 0;  ///< half of them took at most so long
  std::uint64_t p99_ns = 0;
};

/// Out of an answer of `info`, as it came; what is there in another form is left out.
MethodTimes read_method_times(std::string_view info);

/// Of the methods that answered anything, most answers first.
std::vector<MethodFigures> methods_between(const MethodTimes& before, const MethodTimes& now);

}  // namespace pannier::cli
