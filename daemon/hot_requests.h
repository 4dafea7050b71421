// HotRequests executes what clients ask for most, gets and puts without options, several in a row: they are
// taken apart by protocol/hot_request, their entries are fetched into the processor's cache together, and the
// answers are written without a step between. What is not plain (a cold key, a refusal, a cache that is not
// there, a large value) it leaves to the router and the handlers, which would answer all of them the same.
#pragma once

#include <cstdint>
#include <string>

#include "daemon/dispatcher.h"
#include "daemon/gathered_replies.h"
#include "daemon/service.h"
#include "protocol/bytes.h"
#include "protocol/hot_request.h"
#include "storage/cache.h"

namespace pannier::daemon {

class HotRequests {
 public:
  explicit HotRequests(Service& service) : service_(service), gathered_(service.outbox) {}

  /// See Dispatcher::dispatch_hot.
  TakenFrames run(ConnectionId from, protocol::Bytes input, std::uint32_t frames_max, std::string& output,
                  storage::TimeMs now);

 private:
  /// How many requests are fetched for together: more than a processor fetches at a time.
  static constexpr std::size_t kTogetherMax = 16;
  /// With so much to send, the connection looks whether it may go on.
  static constexpr std::size_t kOutputBytesMax = std::size_t{64} << 10;
  /// Values from here on are not copied into the output: that costs more than to gather them.
  static constexpr std::size_t kGatheredBytesMin = std::size_t{8} << 10;

  struct Prepared {
    protocol::HotRequest request;
    storage::Cache* cache;
    storage::HashedKey key;
  };

  /// False if it is not for here.
  /// `guarded`: who asks, if it matters.
  bool prepare(protocol::Bytes input, Prepared& into, const Prepared* before, Visitor* guarded) const;
  enum class Done : std::uint8_t {
    kYes,
    kNotForHere,  ///< nothing was done
    kAndEnough,   ///< large values may have filled what the kernel takes
  };
  Done execute(ConnectionId from, const Prepared& one, std::string& output, storage::TimeMs now);
  Done get(ConnectionId from, const Prepared& one, std::string& output, storage::TimeMs now);
  Done put(ConnectionId from, const Prepared& one, std::string& output, storage::TimeMs now);

  Service& service_;
  GatheredReplies gathered_;  ///< empty but for run()
};

}  // namespace pannier::daemon
