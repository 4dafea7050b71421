// ColdKeys: operations on durable keys that are not in memory, waiting for their load.
//
// Happy path: a handler finds its key cold; the operation is parked under the key and the key is loaded, once
// however many wait; when the load is there, the operations run in the order in which they came, and so does
// everything that came for the key meanwhile, cold or not: operations on one key take effect in the order of
// arrival. What can fail: too many keys are being loaded (the operation is refused as overloaded, nothing is
// parked); the disk fails or memory is pinned by unsynced entries (operations that still need the key fail
// with that error, others run); the cache is dropped (all fail with unknown_cache).
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string_view>
#include <variant>

#include "daemon/clock.h"
#include "daemon/disk_worker.h"
#include "daemon/leases.h"
#include "protocol/error.h"
#include "storage/catalog.h"

namespace pannier::daemon {

/// What waits for a key. It answers its client itself.
class KeyOperation {
 public:
  virtual ~KeyOperation() = default;
  /// Runs it. False: the key is still cold, and nothing was done.
  virtual bool attempt(storage::TimeMs now) = 0;
  /// It cannot run: answers the error.
  virtual void fail(const protocol::Error& error) = 0;
};

class ColdKeys {
 public:
  ColdKeys(storage::Catalog& catalog, DiskWorker& disk, const Clock& clock, std::uint32_t loads_waiting_max);

  /// Whether operations wait for this key, so that a new one has to queue behind them.
  bool is_waited_for(storage::CacheId cache, std::string_view key) const;
  /// Takes the operation, or says why it cannot.
  std::optional<protocol::Error> park(const CacheKey& key, std::unique_ptr<KeyOperation> operation);
  void dropped(storage::CacheId cache, const protocol::Error& error);

  std::uint64_t loading() const { return queues_.size(); }

 private:
  using Queue = std::deque<std::unique_ptr<KeyOperation>>;
  using LoadResult = std::variant<storage::Record, storage::Absent, storage::StoreError>;

  void load(const CacheKey& key);
  void loaded(const CacheKey& key, const LoadResult& result);
  /// Gives the result to the cache; the error that operations on a key that is still cold fail with.
  protocol::Error admit(storage::Cache& cache, std::string_view key, const LoadResult& result,
                        storage::TimeMs now);

  storage::Catalog& catalog_;
  DiskWorker& disk_;
  const Clock& clock_;
  std::uint32_t loads_waiting_max_;
  std::map<CacheKey, Queue> queues_;
};

}  // namespace pannier::daemon
