// SlowRequests tells the log of requests that took long: what was asked for, how long it took, and what it
// waited for, at most one line a second, which says how many others were slow since the last one.
#pragma once

#include <cstdint>
#include <string_view>

#include "daemon/address.h"
#include "daemon/clock.h"
#include "daemon/log.h"
#include "daemon/seldom.h"
#include "protocol/bytes.h"

namespace pannier::daemon {

/// What a request waited for before it could be answered.
enum class Waited : std::uint8_t {
  kNothing,  ///< as far as is known
  kRead,     ///< its key, which was on disk alone
  kWrite,    ///< what is to be on disk
  kLease,    ///< who computes the value: as its client has chosen, and never slow
};

class SlowRequests {
 public:
  /// `threshold_ms`: what takes longer is slow; 0: nothing is. It may change. `outbox` knows whose connection
  /// it was. All must outlive this.
  SlowRequests(Log& log, const Clock& clock, const std::uint64_t& threshold_ms, const Outbox& outbox)
      : log_(log), clock_(clock), threshold_ms_(threshold_ms), outbox_(outbox) {}

  bool is_slow(std::uint64_t ns) const { return threshold_ms_ > 0 && ns / 1'000'000 >= threshold_ms_; }
  /// Precondition: it is slow. `params`: as they came, or the first of them; empty: not known.
  void tell(const Address& request, std::uint64_t ns, protocol::Bytes params, Waited waited);

 private:
  Log& log_;
  const Clock& clock_;
  const std::uint64_t& threshold_ms_;
  const Outbox& outbox_;
  Seldom told_{1'000};
};

}  // namespace pannier::daemon
