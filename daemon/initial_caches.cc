#include "daemon/initial_caches.h"

#include <algorithm>
#include <utility>

namespace pannier::daemon {

namespace {

using storage::Catalog;
using storage::DurableStore;
using storage::Settings;
using storage::Tier;
using storage::TimeMs;

using Refusal = std::optional<InitialCachesError>;
using Notes = std::vector<std::string>;

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

/// A cache that memory has kept and no disk knows goes if the configuration wants another of its name: else
/// nobody could ever change its tier.
void make_way(Catalog& catalog, const std::string& name, const Settings& settings, Notes& notes) {
  const storage::Cache* const kept = catalog.find(name);
  if (kept == nullptr || kept->is_durable()) return;
  const Settings& has = kept->settings();
  if (has.tier == settings.tier && has.policy == settings.policy) return;
  catalog.drop(name);
  notes.push_back("cache " + name +
                  " starts empty: its tier or policy in the configuration is another than it was");
}

Refusal open(Catalog& catalog, DurableStore& store, const std::string& name, const Settings& settings,
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
  return error ? Refusal(InitialCachesError{error->text}) : std::nullopt;
}

bool gives_back(Catalog& catalog, const std::string& name, const Settings& settings) {
  const storage::Cache* const kept = catalog.find(name);
  return kept != nullptr && settings.reserved_bytes < kept->settings().reserved_bytes;
}

void note_reductions(const Catalog& catalog, Notes& notes) {
  for (const auto& [cache, reserved_bytes, counted_bytes] : catalog.reduced_reservations()) {
    notes.push_back("cache " + cache + ": of reserved_bytes " + std::to_string(reserved_bytes) + " only " +
                    std::to_string(counted_bytes) + " count, its share of the " +
                    std::to_string(catalog.reservable_bytes()) +
                    " that may be reserved in all: raise memory_limit, or open it with less");
  }
}

}  // namespace

std::variant<InitialCaches, InitialCachesError> open_initial_caches(Catalog& catalog, DurableStore& store,
                                                                    const Config& config, TimeMs now) {
  InitialCaches initial;
  for (const auto& [name, settings] : config.caches) make_way(catalog, name, settings, initial.notes);
  // First what others may reserve.
  for (const auto& [name, settings] : config.caches) {
    if (!gives_back(catalog, name, settings)) continue;
    if (auto fault = open(catalog, store, name, settings, now)) return *fault;
  }
  for (const auto& [name, settings] : config.caches) {
    if (auto fault = open(catalog, store, name, settings, now)) return *fault;
  }
  for (const auto& [name, settings] : default_caches()) {
    if (catalog.find(name) != nullptr) continue;
    if (auto fault = open(catalog, store, name, settings, now)) return *fault;
  }
  note_reductions(catalog, initial.notes);
  return initial;
}

}  // namespace pannier::daemon
