#include "daemon/initial_caches.h"

#include <algorithm>
#include <utility>

namespace pannier::daemon {

namespace {

using storage::Catalog;
using storage::DurableStore;
using storage::Settings;
using storage::StoreError;
using storage::Tier;
using storage::TimeMs;

using Fault = std::optional<InitialCachesError>;

constexpr std::uint64_t kTtlMsDefault = 60'000;

std::map<std::string, Settings> default_caches() {
  Settings lru;
  Settings ttl;
  ttl.tier = Tier::kTtl;
  ttl.age_ms_max = kTtlMsDefault;
  Settings durable;
  durable.tier = Tier::kDurable;
  return {{"lru", lru}, {"ttl", ttl}, {"durable", durable}};
}

Fault restore(Catalog& catalog, const DurableStore& store) {
  auto found = store.definitions();
  if (const auto* error = std::get_if<StoreError>(&found)) return InitialCachesError{error->text};
  for (const auto& definition : std::get<std::vector<storage::Definition>>(found))
    catalog.restore(definition);
  return std::nullopt;
}

Fault open(Catalog& catalog, DurableStore& store, const std::string& name, const Settings& settings,
           TimeMs now) {
  const auto outcome = catalog.open(name, settings, true, now);
  if (const auto* conflict = std::get_if<storage::OpenConflict>(&outcome)) {
    return InitialCachesError{"cache " + name + " is configured otherwise than it was found on disk: " +
                              conflict->text + "; change the configuration, or drop the cache"};
  }
  if (const auto* refused = std::get_if<storage::OpenRefused>(&outcome)) {
    return InitialCachesError{"cache " + name + ": " + refused->text};
  }
  const auto& opened = std::get<storage::Opened>(outcome);
  if (!opened.cache.is_durable() || (!opened.created && !opened.altered)) return std::nullopt;
  const auto error = store.define(opened.cache.id(), name, settings);
  return error ? Fault(InitialCachesError{error->text}) : std::nullopt;
}

}  // namespace

std::variant<InitialCaches, InitialCachesError> open_initial_caches(Catalog& catalog, DurableStore& store,
                                                                    const Config& config, TimeMs now) {
  auto drops = store.unfinished_drops();
  if (const auto* error = std::get_if<StoreError>(&drops)) return InitialCachesError{error->text};
  InitialCaches initial{std::get<std::vector<storage::CacheId>>(std::move(drops))};
  for (const auto id : initial.unfinished_drops) catalog.raise_next_id(id);

  if (auto fault = restore(catalog, store)) return *fault;
  for (const auto& [name, settings] : config.caches) {
    if (auto fault = open(catalog, store, name, settings, now)) return *fault;
  }
  for (const auto& [name, settings] : default_caches()) {
    if (catalog.find(name) != nullptr) continue;
    if (auto fault = open(catalog, store, name, settings, now)) return *fault;
  }
  return initial;
}

}  // namespace pannier::daemon
