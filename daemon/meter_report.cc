#include "daemon/meter_report.h"

#include <algorithm>
#include <cmath>
#include <string_view>

#include "daemon/methods.h"

namespace pannier::daemon {

using protocol::Histogram;
using protocol::Writer;

namespace {

bool is_silent(const Meter::Row& row) {
  return row.requests == 0 && std::ranges::all_of(row.errors, [](std::uint64_t count) { return count == 0; });
}

void write_count(Writer& writer, std::string_view name, std::uint64_t count) {
  writer.string(name);
  writer.unsigned_integer(count);
}

void write_errors(Writer& writer, const Meter::Row& row) {
  const auto kinds = std::ranges::count_if(row.errors, [](std::uint64_t count) { return count > 0; });
  writer.string("errors");
  writer.map(static_cast<std::uint32_t>(kinds));
  for (std::size_t code = 0; code < row.errors.size(); ++code) {
    if (row.errors[code] == 0) continue;
    write_count(writer, protocol::code_name(static_cast<protocol::ErrorCode>(code)), row.errors[code]);
  }
}

void write_quantile(Writer& writer, std::string_view name, const Histogram& times, double share) {
  // The middle of the last bucket may be above the largest.
  const auto ns = static_cast<std::uint64_t>(std::ceil(times.quantile_ns(share)));
  write_count(writer, name, std::min(ns, times.largest_ns()));
}

void write_buckets(Writer& writer, const Histogram& times) {
  std::uint32_t buckets = 0;
  times.for_each_bucket([&](std::uint64_t, std::uint64_t) { ++buckets; });
  writer.string("buckets");
  writer.array(buckets);
  times.for_each_bucket([&](std::uint64_t last_ns, std::uint64_t count) {
    writer.array(2);
    writer.unsigned_integer(last_ns);
    writer.unsigned_integer(count);
  });
}

void write_row(Writer& writer, const Meter::Row& row, bool has_buckets) {
  writer.map(has_buckets ? 9 : 8);
  write_count(writer, "requests", row.requests);
  write_errors(writer, row);
  write_count(writer, "answered", row.times.count());
  write_quantile(writer, "p50_ns", row.times, 0.5);
  write_quantile(writer, "p99_ns", row.times, 0.99);
  write_quantile(writer, "p999_ns", row.times, 0.999);
  write_count(writer, "max_ns", row.times.largest_ns());
  write_count(writer, "total_ns", row.times.sum_ns());
  if (has_buckets) write_buckets(writer, row.times);
}

}  // namespace

void write_methods(Writer& writer, const Meter& meter, bool has_buckets) {
  const auto& rows = meter.rows();
  const auto silent = static_cast<std::size_t>(std::ranges::count_if(rows, is_silent));
  writer.map(static_cast<std::uint32_t>(rows.size() - silent));
  for (std::size_t row = 0; row < rows.size(); ++row) {
    if (is_silent(rows[row])) continue;
    writer.string(name_of_row(static_cast<std::uint8_t>(row)));
    write_row(writer, rows[row], has_buckets);
  }
}

}  // namespace pannier::daemon
