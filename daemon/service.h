// Service: what the handlers of methods work with, in one place. It owns what lives as long as the daemon
// serves (leases, subscriptions, waits, background work), and borrows the rest from main. It does nothing
// itself: router.h calls handlers, handlers call its parts.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>

#include "daemon/arriving.h"
#include "daemon/background.h"
#include "daemon/backups.h"
#include "daemon/clock.h"
#include "daemon/cold_keys.h"
#include "daemon/config.h"
#include "daemon/disk_worker.h"
#include "daemon/dispatcher.h"
#include "daemon/flusher.h"
#include "daemon/guard.h"
#include "daemon/leases.h"
#include "daemon/reload_outcome.h"
#include "daemon/replies.h"
#include "daemon/shared_reads.h"
#include "daemon/sight.h"
#include "daemon/subscriptions.h"
#include "daemon/waits.h"
#include "storage/catalog.h"

namespace pannier::daemon {

class Service {
 public:
  /// All are borrowed and must outlive the service. `subscriptions` hears the catalog's changes, so main
  /// makes it first.
  Service(const Config& config, const Clock& clock, Log& log, Outbox& outbox, storage::Catalog& catalog,
          DiskWorker& disk, Flusher& flusher, Subscriptions& subscriptions);
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;

  /// The user of the connection, if the limits of users bound what it may have.
  std::optional<uid_t> bounded_user(ConnectionId connection) const;

  const ClientLimits& limits;
  const Clock& clock;
  Outbox& outbox;
  storage::Catalog& catalog;
  DiskWorker& disk;
  Flusher& flusher;
  Subscriptions& subscriptions;
  Guard guard;
  Waits waits;
  Sight sight;
  Replies replies;
  Leases leases;
  ColdKeys cold_keys;
  Background background;
  Arriving arriving;
  Backups backups;
  SharedReads shared_reads;

  /// How many writes of a durable cache's definition are under way; caches without are not in it.
  std::map<storage::CacheId, std::uint32_t> definitions_pending;
  /// Caches of which the disk has an older definition, because writing this one has failed.
  std::set<storage::CacheId> definitions_unwritten;
  /// Clears that are under way: the daemon ends when they have, or they would come undone.
  std::uint32_t clears = 0;
  /// Requests over many keys that are under way: the daemon lets them end.
  std::uint32_t many_calls = 0;
  /// Requests for the hottest keys that are looking through a cache: each holds keys meanwhile.
  std::uint32_t hot_walks = 0;
  /// The daemon is about to end: nothing is to be tried again.
  bool is_stopping = false;
  /// Nothing more is to be begun, whatever is left out.
  bool is_hurrying = false;

  /// Has the configuration read again; main says how.
  std::function<void(ReloadDone)> reload;

  const storage::TimeMs started_at;
};

}  // namespace pannier::daemon
