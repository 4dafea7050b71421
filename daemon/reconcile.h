// Reconcile: the durable caches that memory has kept and those that are defined on disk become the same. They
// may differ because a process died between what it did in memory and what it wrote, or because the memory
// was left by a daemon with another data directory.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "storage/catalog.h"
#include "storage/durable_store.h"

namespace pannier::daemon {

/// What is to be known about it.
struct Reconciled {
  std::vector<storage::CacheId> unfinished_drops;  ///< caches whose records on disk are still to be erased
  std::vector<std::string> notes;                  ///< sentences for the log: what was lost
};
/// Why the daemon cannot start, for the log.
struct ReconcileFault {
  std::string text;
};

/// Blocking: to be called before anything else changes the store or the catalog. Afterwards:
///  - a cache that both have has memory's settings on disk, and the disk's number of records;
///  - one that only memory has is defined on disk, because its open was under way, or because it has entries
///    that are on no disk; without any such, one that was left with another data directory goes;
///  - one that only the disk has is restored, unless memory knew of it: then its drop was under way, and is
///    begun on disk;
///  - where they contradict each other over an id or a name, which only those of different daemons can,
///    memory's cache goes.
/// A fault if that one has entries that are on no disk, and if the disk fails. A process that dies in here
/// leaves it to be done again by the next one.
std::variant<Reconciled, ReconcileFault> reconcile(storage::Catalog& catalog, storage::DurableStore& store);

}  // namespace pannier::daemon
