// The table of methods: a new method is a file under handlers/ and a row here, which says what right it
// takes.
#pragma once

#include <string_view>

#include "daemon/call.h"

namespace pannier::daemon {

/// The method of that name; null if there is none.
const Method* method_named(std::string_view name);

}  // namespace pannier::daemon
