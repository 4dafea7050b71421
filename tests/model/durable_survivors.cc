// Whether what a power loss has left is what it may leave, at any moment of a DurableDriver's run, even
// within a call of its store.
#include "storage/check.h"
#include "tests/model/durable_driver.h"
#include "tests/model/store_access.h"

namespace pannier::storage {

std::optional<std::string> DurableDriver::fault_after_power_loss(DurableStore& left) const {
  if (version_last_ > 0 && need(left.reserved_versions()) <= version_last_)
    return "versions would be used twice";
  std::set<CacheId> found;
  for (const Definition& definition : need(left.definitions())) {
    found.insert(definition.id);
    if (auto fault = fault_of_cache(left, definition)) return fault;
  }
  for (const auto& [name, id] : defined_) {
    if (!found.contains(id)) return name + " is not defined";
  }
  if (auto fault = fault_of_catalog(left)) return fault;
  for (const CacheId id : need(left.unfinished_drops())) {
    finish_drop(left, id);
    if (!records_of(left, id).empty()) return "records of a dropped cache are left";
  }
  return std::nullopt;
}

std::optional<std::string> DurableDriver::fault_of_cache(const DurableStore& left,
                                                         const Definition& definition) const {
  const auto records = records_of(left, definition.id);
  if (records.size() != definition.disk_entries) {
    return definition.name + " has " + std::to_string(records.size()) + " records, and counts " +
           std::to_string(definition.disk_entries);
  }
  const auto defined = defined_.find(definition.name);
  const auto leaving = leaving_.find(definition.name);
  const bool is_leaving = leaving != leaving_.end() && leaving->second.id == definition.id;
  if (!is_leaving && (defined == defined_.end() || defined->second != definition.id)) {
    // It is being made.
    return records.empty() ? std::nullopt : std::optional(definition.name + " came back from a drop");
  }
  std::uint64_t clean_through = is_leaving ? leaving->second.clean_through : 0;
  if (!is_leaving)
    clean_through = clean_through_before_ ? *clean_through_before_ : catalog_->write_back().clean_through();
  const auto model = models_.find(definition.name);
  DurableModel copy = model == models_.end() ? DurableModel() : model->second;
  auto fault = copy.crashed(records, clean_through, now_);
  return fault ? std::optional(definition.name + ": " + *fault) : std::nullopt;
}

/// A fresh catalog knows the same, and finds each record.
std::optional<std::string> DurableDriver::fault_of_catalog(const DurableStore& left) const {
  CatalogOptions options;
  options.memory_bytes_max = course_.memory_bytes_max;
  Recorder recorder;
  Catalog catalog(options, recorder);
  for (const Definition& definition : need(left.definitions())) {
    Cache* cache = catalog.restore(definition);
    if (cache->entries() != definition.disk_entries) return definition.name + " counts otherwise in memory";
    for (const auto& [key, state] : records_of(left, definition.id)) {
      if (!std::holds_alternative<Cold>(cache->find(key, now_))) return key + " is not cold";
      if (!cache->loaded(key, load_now(left, definition.id, key), now_)) return key + " has no room";
      const Lookup lookup = cache->find(key, now_);
      const auto* hit = std::get_if<Hit>(&lookup);
      const bool is_live = now_ < state.deadline;
      if (is_live != (hit != nullptr) || (is_live && hit->entry.value.str() != state.value))
        return key + " is not what the disk has";
      cache->release_loaded(key);
    }
  }
  return Check::fault_of(catalog);
}

}  // namespace pannier::storage
