// The configuration file: TOML 1.0, with the keys of the tables in setting.h, at the top or in the sections
// [limits], [durable] and one [cache.NAME] for each cache, and lists of users and groups in [access] and in
// those of caches. pannierd.toml beside this file shows every key.
//
// It only reads, and looks users and groups up (account.h): whether settings go together is checked when the
// command line was added (config.cc).
#pragma once

#include <string>
#include <string_view>
#include <variant>

#include "daemon/config.h"

namespace pannier::daemon {

struct ConfigFile {
  Config config;  ///< with defaults where the file says nothing
  Origins origins;
};

std::variant<ConfigFile, ConfigError> read_config_file(const std::string& path);
/// `text`: the content of the file `path`.
std::variant<ConfigFile, ConfigError> parse_config(std::string_view text, const std::string& path);

}  // namespace pannier::daemon
