#include "daemon/configured_caches.h"

#include <algorithm>
#include <optional>

namespace pannier::daemon {

namespace {

using storage::Catalog;
using storage::Settings;
using storage::TimeMs;

class Opening {
 public:
  Opening(Catalog& catalog, TimeMs now) : catalog_(catalog), now_(now) {}

  std::optional<UnfitCache> open(const std::string& name, const Settings& settings) {
    const storage::Cache* const there = catalog_.find(name);
    const auto before = there == nullptr ? std::nullopt : std::optional(there->settings());
    const auto outcome = catalog_.open(name, settings, true, now_);
    if (const auto* conflict = std::get_if<storage::OpenConflict>(&outcome)) {
      return UnfitCache{name, conflict->text + "; `pannier drop` makes way for it, with all its entries"};
    }
    if (const auto* refused = std::get_if<storage::OpenRefused>(&outcome))
      return UnfitCache{name, refused->text};
    const auto& opened = std::get<storage::Opened>(outcome);
    if (!opened.created && !opened.altered) return std::nullopt;
    steps_.push_back({name, before});
    changed_.push_back({opened.cache.id(), opened.created});
    return std::nullopt;
  }

  /// Nothing has been evicted for a bound yet, and nothing written into a new one.
  void undo() {
    for (auto step = steps_.rbegin(); step != steps_.rend(); ++step) {
      if (step->before) {
        catalog_.open(step->name, *step->before, true, now_);
      } else {
        catalog_.drop(step->name);
      }
    }
  }

  const std::vector<ConfiguredCache>& changed() const { return changed_; }

 private:
  struct Step {
    std::string name;
    std::optional<Settings> before;  ///< nothing: it was not there
  };

  Catalog& catalog_;
  TimeMs now_;
  std::vector<Step> steps_;
  std::vector<ConfiguredCache> changed_;
};

bool will_give_back(Catalog& catalog, const std::string& name, const Settings& settings) {
  const storage::Cache* const there = catalog.find(name);
  return there != nullptr && settings.reserved_bytes < there->settings().reserved_bytes;
}

}  // namespace

std::variant<std::vector<ConfiguredCache>, UnfitCache> open_configured_caches(
    Catalog& catalog, const std::map<std::string, Settings>& caches, TimeMs now) {
  // First what others may reserve.
  std::vector<std::string> order;
  for (const auto& [name, settings] : caches) order.push_back(name);
  // Not that of ranges, which clang 14 cannot compile.
  std::stable_partition(order.begin(), order.end(), [&](const std::string& name) {
    return will_give_back(catalog, name, caches.at(name));
  });
  Opening opening(catalog, now);
  for (const std::string& name : order) {
    if (auto unfit = opening.open(name, caches.at(name))) {
      opening.undo();
      return *std::move(unfit);
    }
  }
  return opening.changed();
}

}  // namespace pannier::daemon
