// Users and groups by the names that an operator writes: "alice", "@staff", "*", and numbers, "1000", "@50".
// To look a name up may take a while, where it has to be asked for over the network: never on the loop.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "daemon/access.h"

namespace pannier::daemon {

/// Adds a user, a group or everybody to the list; nothing if that is well, else what is wrong: "there is no
/// user \"alise\"".
std::optional<std::string> add_account(AccessList& list, std::string_view written);

/// Of a group by its name or number; else what is wrong, in such words.
std::variant<gid_t, std::string> group_number(const std::string& written);

}  // namespace pannier::daemon
