// Meter: what clients have asked for, how it ended, and how long it took: for each method requests, errors by
// code, and a histogram of times.
//
// A time goes from the moment at which a request is taken out of what has arrived to the moment at which its
// answer is in its connection's output. What it waits for in between counts: the disk, another's lease, its
// turn among the steps of others. What it waited for in the socket's or the connection's buffer does not, nor
// does sending. Requests that are executed together count the time of all of them. A notification, and a
// request whose connection ended before its answer, counts as a request and has no time.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "daemon/address.h"
#include "protocol/error.h"
#include "protocol/histogram.h"

namespace pannier::daemon {

class Meter {
 public:
  /// The row of what names no method that there is; those of methods come after it (methods.h).
  static constexpr std::uint8_t kNoMethod = 0;

  struct Row {
    std::uint64_t requests = 0;  ///< and notifications
    std::array<std::uint64_t, protocol::kErrorCodes> errors{};
    protocol::Histogram times;  ///< of those that were answered, with an error too
  };

  explicit Meter(std::size_t rows) : rows_(rows) {}

  void requested(std::uint8_t row, std::uint64_t times = 1) { rows_[row].requests += times; }
  /// So many requests that came together have their answers, after this time.
  void answered(std::uint8_t row, std::uint64_t ns, std::uint64_t times) { rows_[row].times.add(ns, times); }
  /// The answer was written just now. How long that took in nanoseconds; 0 if it has no time.
  std::uint64_t answered(const Received& request);
  /// It is an error. answered() is to be called too.
  void failed(std::uint8_t row, protocol::ErrorCode code) {
    ++rows_[row].errors[static_cast<std::size_t>(code)];
  }

  const std::vector<Row>& rows() const { return rows_; }
  /// Of all rows.
  std::uint64_t requests() const;

 private:
  std::vector<Row> rows_;
};

}  // namespace pannier::daemon
