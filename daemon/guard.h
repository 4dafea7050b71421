// Guard: whether who asks may do what is asked for, by the configuration (access.h), the credentials of the
// connection (visitor.h) and what the method takes (right.h). What is denied is counted and, once a second,
// logged. Where the configuration names nobody, nobody is asked.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "daemon/access.h"
#include "daemon/clock.h"
#include "daemon/dispatcher.h"
#include "daemon/log.h"
#include "daemon/right.h"
#include "daemon/seldom.h"
#include "daemon/visitor.h"
#include "protocol/bytes.h"
#include "protocol/error.h"
#include "storage/cache.h"

namespace pannier::daemon {

class Guard {
 public:
  /// All must outlive it.
  Guard(const Access& access, Outbox& outbox, const Clock& clock, Log& log);
  Guard(const Guard&) = delete;
  Guard& operator=(const Guard&) = delete;

  /// The access that it was made with is another than before.
  void access_changed();
  const Access& access() const { return access_; }

  // Each: nothing if it may be done, else the error `denied`, which was counted and logged. What a connection
  // that is gone has asked for before is done.

  /// `params`: the array whole, well-formed or not.
  std::optional<protocol::Error> refusal(ConnectionId from, std::string_view method, Takes takes,
                                         protocol::Bytes params);
  /// `cache` need not be there.
  std::optional<protocol::Error> refusal(ConnectionId from, std::string_view method, Right right,
                                         std::string_view cache);
  /// Of making, changing or dropping the cache.
  std::optional<protocol::Error> refusal_to_administer(ConnectionId from, std::string_view method,
                                                       std::string_view cache);

  // What follows asks without a consequence.

  bool may(ConnectionId from, Right right, std::string_view cache) const;
  /// Reads every cache, those to come too.
  bool may_read_all(ConnectionId from) const;
  bool may_operate(ConnectionId from) const;
  /// Everybody may read and write every cache: there is no need to ask.
  bool is_open() const { return is_open_; }
  /// The same as may(), in a few nanoseconds once it was asked before.
  bool may_now(Visitor& visitor, Right right, const storage::Cache& cache) const {
    const Visitor::Verdict& known = visitor.verdicts[cache.id() % visitor.verdicts.size()];
    const bool is_known = known.cache == cache.id() && known.edition == edition_;
    const std::uint8_t rights = is_known ? known.rights : judge(visitor, cache);
    return (rights & static_cast<std::uint8_t>(right)) == static_cast<std::uint8_t>(right);
  }

  std::uint64_t denied() const { return denied_; }

 private:
  bool has(const Visitor& visitor, Right right, std::string_view cache) const;
  std::uint8_t judge(Visitor& visitor, const storage::Cache& cache) const;
  /// Who asks, unless that makes no difference.
  const Visitor* judged(ConnectionId from) const;
  protocol::Error deny(const Visitor& visitor, std::string_view method, const std::string& what);

  const Access& access_;
  Outbox& outbox_;
  const Clock& clock_;
  Log& log_;
  bool is_open_ = false;
  std::uint32_t edition_ = 0;
  std::uint64_t denied_ = 0;
  Seldom told_{1'000};
};

}  // namespace pannier::daemon
