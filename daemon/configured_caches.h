// The caches of the configuration, opened or altered while the daemon serves: all of them, or none if one
// cannot be. initial_caches.h does it before.
#pragma once

#include <map>
#include <string>
#include <variant>
#include <vector>

#include "storage/catalog.h"

namespace pannier::daemon {

/// One that was made, or got other bounds or ages.
struct ConfiguredCache {
  storage::CacheId id;
  bool created;
};
/// Why one of them cannot be as it is configured; all are as they were.
struct UnfitCache {
  std::string name;
  std::string text;
};

std::variant<std::vector<ConfiguredCache>, UnfitCache> open_configured_caches(
    storage::Catalog& catalog, const std::map<std::string, storage::Settings>& caches, storage::TimeMs now);

}  // namespace pannier::daemon
