// HotRequests executes what clients ask for most, gets without options and puts with none but `ttl_ms` and
// `sync`, several in a row: they are taken apart by protocol/hot_request, their entries are fetched into the
// processor's cache together, and the answers are written without a step between. What is not plain (a cold
// key, a refusal, a cache that is not there, a large value) it leaves to the router and the handlers, which
// would answer all of them the same.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "daemon/address.h"
#include "daemon/dispatcher.h"
#include "daemon/gathered_replies.h"
#include "daemon/service.h"
#include "protocol/bytes.h"
#include "protocol/hot_request.h"
#include "storage/cache.h"

namespace pannier::daemon {

class HotRequests {
 public:
  explicit HotRequests(Service& service);

  /// See Dispatcher::dispatch_hot.
  TakenFrames run(ConnectionId from, protocol::Bytes input, std::uint32_t frames_max, std::string& output,
                  storage::TimeMs now);
  /// See Dispatcher::draft: for a put.
  std::unique_ptr<storage::Draft> draft(ConnectionId from, protocol::Bytes start, storage::DraftOwner& owner,
                                        storage::TimeMs now) const;
  /// See Dispatcher::dispatch_draft.
  bool put_draft(ConnectionId from, protocol::Bytes start, storage::Draft& draft, std::string& output,
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
    storage::Prefetch prefetch;
  };

  using Batch = std::array<Prepared, kTogetherMax>;

  /// How many requests at the start of `input` are for here, at most `count_max`, taken apart.
  /// `guarded`: who asks, if it matters.
  std::size_t prepare_batch(protocol::Bytes input, std::size_t count_max, Visitor* guarded,
                            Batch& batch) const;
  /// False if it is not for here.
  bool prepare(protocol::Bytes input, Prepared& into, const Prepared* before, Visitor* guarded) const;
  bool prepare(const protocol::HotRequest& request, std::uint64_t value_bytes, Prepared& into,
               const Prepared* before, Visitor* guarded) const;
  /// Of a put that is not whole, or whose value is; nothing if it is not for here.
  struct PreparedStart {
    Prepared put;
    std::uint64_t value_bytes;
  };
  std::optional<PreparedStart> prepare_start(ConnectionId from, protocol::Bytes start) const;
  enum class Done : std::uint8_t {
    kYes,
    kNotForHere,  ///< nothing was done
    kAndEnough,   ///< others answer it; large values may have filled what the kernel takes
    kWaits,       ///< it is answered when it is on disk; the connection may have too many that wait
  };
  Done execute(ConnectionId from, const Prepared& one, std::string& output, storage::TimeMs now);
  Done get(ConnectionId from, const Prepared& one, std::string& output, storage::TimeMs now);
  Done put(ConnectionId from, const Prepared& one, std::string& output, storage::TimeMs now);

  Address address_of(ConnectionId from, const Prepared& one) const;
  /// A put was written.
  void answer(const Prepared& one, storage::Written written, std::string& output, storage::TimeMs now);
  Done answer_when_clean(ConnectionId from, const Prepared& one, storage::Written written,
                         std::string& output, storage::TimeMs now);

  /// Tells of those that were executed, the last with this outcome, to be seen.
  void note(ConnectionId from, std::span<const Prepared> executed, Done last);
  void note_slow(ConnectionId from, const Prepared& one, std::uint64_t ns) const;

  Service& service_;
  GatheredReplies gathered_;    ///< empty but for run()
  const std::uint8_t get_row_;  ///< of the meter
  const std::uint8_t put_row_;
  Batch batch_;                 ///< of run()
  std::uint64_t began_ns_ = 0;  ///< when it did
};

}  // namespace pannier::daemon
