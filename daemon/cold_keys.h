// ColdKeys: operations on durable keys that are not in memory, waiting for their load.
//
// Happy path: a handler finds its key cold; the operation is parked under the key and the key is loaded, once
// however many wait; when the load is there, the operations run in the order in which they came, and so does
// everything that came for the key meanwhile, cold or not: operations on one key take effect in the order of
// arrival. What concerns a whole cache runs behind what waits in it: see run_behind and run_in_turn.
// What can fail: too many keys are being loaded (the operation is refused as overloaded, nothing is parked);
// the disk fails or memory is pinned by unsynced entries (operations that still need the key fail with that
// error, others run); the cache is dropped (all fail with unknown_cache).
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "daemon/clock.h"
#include "daemon/config.h"
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
  /// What concerns a whole cache. The cache may be gone by then.
  using CacheOperation = std::function<void(storage::TimeMs now)>;

  ColdKeys(storage::Catalog& catalog, DiskWorker& disk, const Clock& clock, const DurableOptions& options);

  /// Whether an operation on this key has to stand behind others that wait. Not for one whose turn has come.
  bool is_waited_for(storage::CacheId cache, std::string_view key) const;
  /// Takes the operation, or leaves it and says why.
  std::optional<protocol::Error> park(const CacheKey& key, std::unique_ptr<KeyOperation>&& operation);
  /// Runs the operation when all that wait in the cache now have run: at once if there are none. Others go
  /// on.
  void run_behind(storage::CacheId cache, CacheOperation operation, storage::TimeMs now);
  /// The same, and whatever comes for the cache until then stands behind it: for what changes the cache.
  void run_in_turn(storage::CacheId cache, CacheOperation operation, storage::TimeMs now);
  void dropped(storage::CacheId cache, const protocol::Error& error);

  std::uint64_t loading() const { return loading_.size(); }

 private:
  using Queue = std::deque<std::unique_ptr<KeyOperation>>;
  using LoadResult = std::variant<storage::Record, storage::Absent, storage::StoreError>;
  /// The operations on a key that is being loaded; numbered in the order in which the loads began.
  struct Loading {
    std::uint64_t number;
    Queue operations;
  };
  /// What stands behind an operation on the whole cache: one on a key, or another on the whole.
  struct Follower {
    std::string key;
    std::unique_ptr<KeyOperation> on_key;
    CacheOperation on_cache;
    bool is_barrier = false;
  };
  struct Barrier {
    CacheOperation operation;
    std::deque<Follower> followers;
  };

  void load(const CacheKey& key);
  void loaded(const CacheKey& key, const LoadResult& result);
  /// An operation's turn has come. False: its key is still cold.
  bool run(KeyOperation& operation, storage::TimeMs now);
  /// Gives the result to the cache; the error that operations on a key that is still cold fail with.
  protocol::Error admit(storage::Cache& cache, std::string_view key, const LoadResult& result,
                        storage::TimeMs now);
  Queue take(std::map<CacheKey, Loading>::iterator loading);
  /// Fewer loads are under way in the cache: whatever stood behind those that ended runs.
  void settle(storage::CacheId cache, storage::TimeMs now);
  void lift_barrier(storage::CacheId cache, storage::TimeMs now);
  void follow(storage::CacheId cache, Follower follower, storage::TimeMs now);

  storage::Catalog& catalog_;
  DiskWorker& disk_;
  const Clock& clock_;
  const DurableOptions& options_;
  std::map<CacheKey, Loading> loading_;
  std::map<storage::CacheId, std::set<std::uint64_t>> numbers_;  // of the loads of each cache that has any
  std::uint64_t number_last_ = 0;
  std::multimap<std::pair<storage::CacheId, std::uint64_t>, CacheOperation>
      behind_;  // by the last load before it
  std::map<storage::CacheId, Barrier> barriers_;
  bool is_running_ = false;  // an operation whose turn has come
};

}  // namespace pannier::daemon
