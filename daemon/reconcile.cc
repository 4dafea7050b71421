#include "daemon/reconcile.h"

#include <algorithm>
#include <set>
#include <utility>

#include "protocol/error.h"

namespace pannier::daemon {
namespace {

using storage::Cache;
using storage::CacheId;
using storage::Catalog;
using storage::Definition;
using storage::DurableStore;
using storage::StoreError;

using NotReconciled = std::optional<ReconcileFault>;

NotReconciled fault_of(const std::optional<StoreError>& error) {
  return error ? NotReconciled(ReconcileFault{error->text}) : std::nullopt;
}

class Reconciler {
 public:
  Reconciler(Catalog& catalog, DurableStore& store) : catalog_(catalog), store_(store) {}

  NotReconciled run() {
    const auto identity = store_.identity();
    if (const auto* error = std::get_if<StoreError>(&identity)) return ReconcileFault{error->text};
    if (NotReconciled fault = meet(std::get<std::string>(identity))) return fault;
    if (NotReconciled fault = take_all()) return fault;
    if (NotReconciled fault = define_others()) return fault;
    // Last: who died before has not seen everything that is on disk, and what is missing there in memory must
    // not look as if it had been dropped.
    catalog_.belong_to_store(std::get<std::string>(identity));
    return std::nullopt;
  }

  Reconciled done;

 private:
  NotReconciled meet(const std::string& identity) {
    const auto bound = store_.reserved_versions();
    if (const auto* error = std::get_if<StoreError>(&bound)) return ReconcileFault{error->text};
    auto coherence = catalog_.meet_store(identity, std::get<storage::Version>(bound));
    is_same_store_ = coherence.is_same;
    id_last_kept_ = catalog_.id_last();
    if (!coherence.text.empty()) done.notes.push_back(std::move(coherence.text));
    return std::nullopt;
  }

  NotReconciled take_all() {
    auto drops = store_.unfinished_drops();
    if (const auto* error = std::get_if<StoreError>(&drops)) return ReconcileFault{error->text};
    done.unfinished_drops = std::get<std::vector<CacheId>>(std::move(drops));
    for (const CacheId id : done.unfinished_drops) {
      if (NotReconciled fault = give_way(catalog_.find(id))) return fault;
    }
    auto found = store_.definitions();
    if (const auto* error = std::get_if<StoreError>(&found)) return ReconcileFault{error->text};
    for (const Definition& definition : std::get<std::vector<Definition>>(found)) {
      if (NotReconciled fault = take(definition)) return fault;
    }
    for (const CacheId id : done.unfinished_drops) catalog_.raise_next_id(id);
    return std::nullopt;
  }

  NotReconciled take(const Definition& definition) {
    Cache* const by_id = catalog_.find(definition.id);
    Cache* const by_name = catalog_.find(definition.name);
    if (by_id != nullptr && by_id == by_name && by_id->is_durable()) return join(*by_id, definition);
    if (by_id == nullptr && is_same_store_ && definition.id <= id_last_kept_) return drop(definition.id);
    if (NotReconciled fault = give_way(by_id)) return fault;
    if (by_name != by_id) {
      if (NotReconciled fault = give_way(by_name)) return fault;
    }
    defined_.insert(definition.id);
    if (catalog_.restore(definition) != nullptr) return std::nullopt;
    return ReconcileFault{"there is no memory for the cache " + protocol::quoted(definition.name) +
                          ": raise memory_limit"};
  }

  NotReconciled join(Cache& cache, const Definition& definition) {
    defined_.insert(cache.id());
    cache.set_disk_entries(definition.disk_entries);
    if (cache.settings() == definition.settings) return std::nullopt;
    return fault_of(store_.define(cache.id(), cache.name(), cache.settings()));
  }

  NotReconciled drop(CacheId id) {
    done.unfinished_drops.push_back(id);
    return fault_of(store_.begin_drop(id));
  }

  /// A cache of memory whose id or name the disk has for another.
  NotReconciled give_way(Cache* cache) {
    if (cache == nullptr) return std::nullopt;
    const std::string named = "the cache " + protocol::quoted(cache->name()) + " that memory has kept";
    if (const std::uint64_t dirty = cache->dirty().entries; dirty > 0) {
      return ReconcileFault{
          named + " has " + std::to_string(dirty) +
          " entries that were written to no disk, and the data directory knows another cache of "
          "its name or id: start with the data directory that it was used with before, or give "
          "these entries up by starting with fresh memory"};
    }
    done.notes.push_back(named + " is left out: the data directory knows another of its name or id");
    const std::string name = cache->name();
    catalog_.drop(name);
    return std::nullopt;
  }

  NotReconciled define_others() {
    for (Cache* cache : catalog_.caches()) {
      if (!cache->is_durable() || defined_.contains(cache->id())) continue;
      if (!is_same_store_ && cache->dirty().entries == 0) {
        catalog_.drop(std::string(cache->name()));
        continue;
      }
      if (NotReconciled fault = fault_of(store_.define(cache->id(), cache->name(), cache->settings())))
        return fault;
      cache->set_disk_entries(0);
    }
    return std::nullopt;
  }

  Catalog& catalog_;
  DurableStore& store_;
  bool is_same_store_ = false;
  CacheId id_last_kept_ = 0;
  std::set<CacheId> defined_;
};

}  // namespace

std::variant<Reconciled, ReconcileFault> reconcile(Catalog& catalog, DurableStore& store) {
  Reconciler reconciler(catalog, store);
  if (NotReconciled fault = reconciler.run()) return *std::move(fault);
  return std::move(reconciler.done);
}

}  // namespace pannier::daemon
