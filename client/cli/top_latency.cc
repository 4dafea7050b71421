#include "client/cli/top_latency.h"

#include <algorithm>
#include <cmath>

#include "protocol/cursor.h"

namespace pannier::cli {

namespace {

using protocol::Bytes;
using protocol::Cursor;

/// Calls `take(name, value)` for each pair of a map; not at all if it is none.
template <class Take>
void each_pair(Bytes map, Take take) {
  Cursor cursor(map);
  for (auto left = cursor.read_map().value_or(0); left > 0; --left) {
    const auto name = cursor.read_string();
    const auto value = cursor.read_object();
    if (!name || !value) return;
    take(*name, *value);
  }
}

std::vector<TimeBucket> read_buckets(Bytes array) {
  std::vector<TimeBucket> buckets;
  Cursor cursor(array);
  for (auto left = cursor.read_array().value_or(0); left > 0; --left) {
    if (cursor.read_array() != 2) return buckets;
    const auto last_ns = cursor.read_unsigned();
    const auto count = cursor.read_unsigned();
    if (!last_ns || !count) return buckets;
    buckets.push_back({*last_ns, *count});
  }
  return buckets;
}

std::vector<TimeBucket> buckets_between(const std::vector<TimeBucket>& before,
                                        const std::vector<TimeBucket>& now) {
  std::vector<TimeBucket> between;
  auto old = before.begin();
  for (const auto& [last_ns, count] : now) {
    while (old != before.end() && old->last_ns < last_ns) ++old;
    const bool was_there = old != before.end() && old->last_ns == last_ns;
    const auto counted = was_there ? std::min(old->count, count) : 0;
    if (count > counted) between.push_back({last_ns, count - counted});
  }
  return between;
}

/// The duration that this share of `count` does not exceed.
std::uint64_t quantile_ns(const std::vector<TimeBucket>& buckets, std::uint64_t count, double share) {
  const auto rank = static_cast<std::uint64_t>(std::ceil(share * static_cast<double>(count)));
  std::uint64_t seen = 0;
  for (const auto& bucket : buckets) {
    seen += bucket.count;
    if (seen >= rank) return bucket.last_ns;
  }
  return 0;
}

MethodFigures figures_of(const std::string& name, const std::vector<TimeBucket>& buckets) {
  MethodFigures figures{.name = name, .answered = 0, .p50_ns = 0, .p99_ns = 0};
  for (const auto& bucket : buckets) figures.answered += bucket.count;
  figures.p50_ns = quantile_ns(buckets, figures.answered, 0.5);
  figures.p99_ns = quantile_ns(buckets, figures.answered, 0.99);
  return figures;
}

}  // namespace

MethodTimes read_method_times(std::string_view info) {
  MethodTimes times;
  each_pair(info, [&](Bytes part, Bytes methods) {
    if (part != "methods") return;
    each_pair(methods, [&](Bytes method, Bytes fields) {
      each_pair(fields, [&](Bytes field, Bytes value) {
        if (field == "buckets") times[std::string(method)] = read_buckets(value);
      });
    });
  });
  return times;
}

std::vector<MethodFigures> methods_between(const MethodTimes& before, const MethodTimes& now) {
  std::vector<MethodFigures> methods;
  for (const auto& [name, buckets] : now) {
    const auto old = before.find(name);
    auto figures = figures_of(name, old == before.end() ? buckets : buckets_between(old->second, buckets));
    if (figures.answered > 0) methods.push_back(std::move(figures));
  }
  std::ranges::stable_sort(methods, std::ranges::greater(), &MethodFigures::answered);
  return methods;
}

}  // namespace pannier::cli
