// Sight: where it comes together how each request ended: the meter counts it, one that took long is told in
// the log, and monitors are told of it. It is asked for nothing and changes nothing.
//
// What a request is about is known where it is executed, and no longer where it is answered; so a Scope says
// it while the answer is written. A request that is answered without one is told without cache and key.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "daemon/address.h"
#include "daemon/hot_keys.h"
#include "daemon/meter.h"
#include "daemon/monitors.h"
#include "daemon/slow_requests.h"
#include "protocol/bytes.h"
#include "protocol/error.h"

namespace pannier::daemon {

class Sight {
 public:
  /// While it lives, an answer to `request` is to one with these parameters (the array, of which no more than
  /// the first two are looked at), which has waited for `waited`. What another one said before counts again
  /// afterwards. All must outlive it.
  class Scope {
   public:
    Scope(Sight& sight, const Address& request, protocol::Bytes params, Waited waited = Waited::kNothing);
    ~Scope() { sight_.scope_ = outer_; }
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    friend class Sight;

    Sight& sight_;
    const Scope* outer_;
    const Address& request_;
    protocol::Bytes params_;
    Waited waited_;
  };

  /// `meter_rows`: see Meter. The others: see SlowRequests and Monitors.
  Sight(std::size_t meter_rows, Log& log, const Clock& clock, const std::uint64_t& slow_ms, Outbox& outbox)
      : monitors(outbox), meter_(meter_rows), slow_(log, clock, slow_ms, outbox) {}
  Sight(const Sight&) = delete;
  Sight& operator=(const Sight&) = delete;

  void requested(std::uint8_t row, std::uint64_t times = 1) { meter_.requested(row, times); }
  /// The answer was written just now.
  void answered(const Address& request, const SeenAnswer& answer);
  void failed(const Address& request, protocol::ErrorCode code);
  /// So many requests of one connection that came together have their answers, after this time.
  void answered_together(std::uint8_t row, std::uint64_t ns, std::uint64_t times) {
    meter_.answered(row, ns, times);
  }
  /// Whether each request is to be told of by itself.
  bool is_monitored() const { return monitors.any(); }
  /// Whether tell() is to be called for one that took so long.
  bool is_slow(std::uint64_t ns) const { return slow_.is_slow(ns); }
  void tell(const Address& request, std::uint64_t ns, const SeenAnswer& answer);

  /// The parameters of `request`, if it is executed now, as far as a Scope looks at them: for the one in
  /// which it is answered later.
  std::string kept_params(const Address& request) const;

  const Meter& meter() const { return meter_; }

  Monitors monitors;
  HotKeys hot_keys;

 private:
  /// Null if nothing is known of it.
  const Scope* scope_of(const Address& request) const;

  Meter meter_;
  SlowRequests slow_;
  const Scope* scope_ = nullptr;
};

}  // namespace pannier::daemon
