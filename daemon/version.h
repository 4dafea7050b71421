// The version of this program, as `hello`, `info`, --version and the log tell it.
#pragma once

#include <string_view>

namespace pannier::daemon {

/// "MAJOR.MINOR.PATCH".
std::string_view program_version();

}  // namespace pannier::daemon
