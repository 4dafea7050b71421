// DiskExpiry: durable entries that have expired and are on disk alone leave the disk too, although nobody
// asks for them. A walk goes over the records of all durable caches in small pieces; what is past its stale
// window is noticed as expired, as if it had been loaded, and erased by the flusher's next batch. What cannot
// be read is stepped over.
//
// The disk's time: a few pieces, each a short step of the loop, are erased together; after each such round it
// pauses kPauseShare times as long as that took, and a round waits a while for a moment at which nothing is
// being written. A walk begins expire_interval after the last one ended. While the disk fails, nothing is
// done. A cache in which the last walk met no deadline is left out until one was written.
//
// What is in memory, being loaded or being cleared is left alone: it is met there. A piece is read in the
// writing lane, so that no write of a key can have come and left memory again since.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <variant>

#include "daemon/background.h"
#include "daemon/service.h"

namespace pannier::daemon {

class DiskExpiry final : public BackgroundTask, public std::enable_shared_from_this<DiskExpiry> {
 public:
  static constexpr std::uint64_t kPauseShare = 19;

  /// The first walk begins an interval from now. Ends with the service.
  static void start(Service& service, const DurableOptions& options);

  DiskExpiry(Service& service, const DurableOptions& options) : service_(service), options_(options) {}
  storage::TimeMs step(storage::TimeMs now) override;

 private:
  using Outcome = std::variant<storage::Scanned, storage::StoreError>;

  bool has_to_wait();
  /// The cache that is walked, or the next one; null at the end of the walk.
  storage::Cache* present_cache();
  void enter(const storage::Cache* cache);
  void leave();
  /// It has nothing on disk that could expire.
  bool is_without_deadlines(const storage::Cache& cache) const;
  void scan();
  void scanned(const Outcome& outcome);
  void expire(const storage::Scanned& piece);
  void end_round();
  void go_on_later();

  Service& service_;
  const DurableOptions& options_;
  storage::CacheId cache_ = 0;  ///< before all others
  std::string from_key_;
  bool may_have_deadlines_ = false;  ///< it has met one, or could not read all
  std::uint64_t deadlines_written_ = 0;
  /// Of the caches without: how many records with a deadline had been written before they were walked.
  std::map<storage::CacheId, std::uint64_t> without_deadlines_;
  std::uint64_t began_ns_ = 0;
  std::uint32_t pieces_ = 0;
  bool has_expired_ = false;  ///< some in this round
  std::uint32_t waited_ = 0;
};

}  // namespace pannier::daemon
