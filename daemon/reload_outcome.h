// What comes of reading the configuration again (reload.h): told by the method `reload`, and to the log.
#pragma once

#include <functional>
#include <string>
#include <variant>
#include <vector>

#include "daemon/config.h"
#include "protocol/error.h"

namespace pannier::daemon {

struct Reloaded {
  std::vector<std::string> applied;  ///< keys that are in force, of settings ("limits.max_keys") and caches
  std::vector<NeedsRestart> needs_restart;
  std::vector<std::string> notes;  ///< sentences about what is not as the file may make believe
};
using ReloadOutcome = std::variant<Reloaded, protocol::Error>;
using ReloadDone = std::function<void(const ReloadOutcome&)>;

}  // namespace pannier::daemon
