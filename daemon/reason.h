// Why a call of the system failed, in words.
#pragma once

#include <string>
#include <system_error>

namespace pannier::daemon {

/// Of an errno.
inline std::string reason(int code) { return std::generic_category().message(code); }

}  // namespace pannier::daemon
