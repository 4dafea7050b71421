// What the meter notes of requests, and what `info` is told of it.
#include "daemon/meter.h"

#include <gtest/gtest.h>

#include <map>
#include <string>

#include "daemon/meter_report.h"
#include "daemon/methods.h"
#include "daemon/uv_loop.h"
#include "protocol/cursor.h"

namespace pannier::daemon {
namespace {

using protocol::Cursor;
using protocol::ErrorCode;
using Fields = std::map<std::string, std::string>;

Meter meter_of_all_methods() { return Meter(all_methods().size() + 1); }

std::uint8_t row_named(std::string_view method) { return row_of(*method_named(method)); }

/// The fields of a map, each value still encoded.
Fields fields_of(std::string_view map) {
  Fields fields;
  Cursor cursor(map);
  for (auto left = cursor.read_map().value_or(0); left > 0; --left) {
    const std::string name(cursor.read_string().value_or(""));
    fields[name] = cursor.read_object().value_or("");
  }
  EXPECT_TRUE(cursor.at_end());
  return fields;
}

std::uint64_t number_of(const Fields& fields, const std::string& name) {
  return Cursor(fields.at(name)).read_unsigned().value_or(0);
}

Fields report_of(const Meter& meter, bool has_buckets = false) {
  std::string text;
  protocol::Writer writer(text);
  write_methods(writer, meter, has_buckets);
  return fields_of(text);
}

TEST(Meter, every_method_has_a_row_of_its_own_and_none_that_of_no_method) {
  std::map<std::uint8_t, std::string_view> names;
  for (const Method& method : all_methods()) names[row_of(method)] = method.name;
  EXPECT_EQ(names.size(), all_methods().size());
  EXPECT_FALSE(names.contains(Meter::kNoMethod));
  EXPECT_EQ(names.rbegin()->first, all_methods().size());
}

TEST(Meter, an_answer_takes_the_time_since_its_request_came) {
  Meter meter = meter_of_all_methods();
  const std::uint64_t at_ns = UvLoop::clock_ns();
  const std::uint64_t ns = meter.answered({at_ns, 3});
  EXPECT_LE(ns, UvLoop::clock_ns() - at_ns);
  EXPECT_EQ(meter.rows()[3].times.count(), 1U);
  EXPECT_EQ(meter.rows()[3].times.largest_ns(), ns);
}

TEST(Meter, errors_are_counted_by_their_codes) {
  Meter meter = meter_of_all_methods();
  meter.failed(2, ErrorCode::kStorage);
  meter.failed(2, ErrorCode::kStorage);
  meter.failed(2, ErrorCode::kTooLarge);
  EXPECT_EQ(meter.rows()[2].errors[static_cast<std::size_t>(ErrorCode::kStorage)], 2U);
  EXPECT_EQ(meter.rows()[2].errors[static_cast<std::size_t>(ErrorCode::kTooLarge)], 1U);
}

TEST(Meter, what_was_never_received_has_no_time) {
  Meter meter = meter_of_all_methods();
  EXPECT_EQ(meter.answered(Received()), 0U);
  EXPECT_EQ(meter.rows()[Meter::kNoMethod].times.count(), 0U);
}

TEST(Meter, all_rows_together_are_the_requests) {
  Meter meter = meter_of_all_methods();
  meter.requested(Meter::kNoMethod);
  meter.requested(row_named("get"), 16);
  meter.requested(row_named("put"));
  EXPECT_EQ(meter.requests(), 18U);
}

TEST(Meter, a_method_that_nobody_asked_for_is_not_told) {
  Meter meter = meter_of_all_methods();
  EXPECT_TRUE(report_of(meter).empty());
  meter.requested(row_named("ping"));
  meter.failed(Meter::kNoMethod, ErrorCode::kTooLarge);
  const Fields report = report_of(meter);
  EXPECT_EQ(report.size(), 2U);
  EXPECT_EQ(number_of(fields_of(report.at("ping")), "requests"), 1U);
  EXPECT_EQ(number_of(fields_of(fields_of(report.at("unknown")).at("errors")), "too_large"), 1U);
}

TEST(Meter, quantiles_are_within_a_hundredth_and_never_above_the_largest) {
  Meter meter = meter_of_all_methods();
  const std::uint8_t get = row_named("get");
  meter.requested(get, 1'000);
  meter.answered(get, 1'000, 989);
  meter.answered(get, 50'000, 10);
  meter.answered(get, 1'234'567, 1);
  const Fields row = fields_of(report_of(meter).at("get"));
  EXPECT_EQ(number_of(row, "answered"), 1'000U);
  EXPECT_NEAR(static_cast<double>(number_of(row, "p50_ns")), 1'000, 10);
  EXPECT_NEAR(static_cast<double>(number_of(row, "p99_ns")), 50'000, 500);
  EXPECT_NEAR(static_cast<double>(number_of(row, "p999_ns")), 50'000, 500);
  EXPECT_EQ(number_of(row, "max_ns"), 1'234'567U);
  EXPECT_EQ(number_of(row, "total_ns"), 989'000U + 500'000U + 1'234'567U);
  meter.requested(row_named("put"));
  meter.answered(row_named("put"), 1'000'001, 1);
  const Fields put = fields_of(report_of(meter).at("put"));
  EXPECT_LE(number_of(put, "p999_ns"), number_of(put, "max_ns"));
}

TEST(Meter, buckets_are_told_when_asked_for_and_hold_all_that_were_answered) {
  Meter meter = meter_of_all_methods();
  const std::uint8_t get = row_named("get");
  meter.requested(get, 3);
  meter.answered(get, 100, 2);
  meter.answered(get, 1'000'000, 1);
  EXPECT_FALSE(fields_of(report_of(meter).at("get")).contains("buckets"));
  const Fields row = fields_of(report_of(meter, true).at("get"));
  Cursor buckets(row.at("buckets"));
  ASSERT_EQ(buckets.read_array(), 2U);
  ASSERT_EQ(buckets.read_array(), 2U);
  EXPECT_EQ(buckets.read_unsigned(), 100U);
  EXPECT_EQ(buckets.read_unsigned(), 2U);
  ASSERT_EQ(buckets.read_array(), 2U);
  EXPECT_NEAR(static_cast<double>(buckets.read_unsigned().value_or(0)), 1'000'000, 16'000);
  EXPECT_EQ(buckets.read_unsigned(), 1U);
}

}  // namespace
}  // namespace pannier::daemon
