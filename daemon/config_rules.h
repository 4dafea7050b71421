// What holds between the settings of a configuration: defaults that follow from other settings, and which
// must go together.
#pragma once

#include <optional>

#include "daemon/config_file.h"

namespace pannier::daemon {

/// Gives what was not set the default that follows from what was. An error that names the place if the whole
/// cannot be.
std::optional<ConfigError> complete(ConfigFile& file);

}  // namespace pannier::daemon
