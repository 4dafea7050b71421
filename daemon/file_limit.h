// How many files and sockets this process may have open.
#pragma once

#include <cstdint>

namespace pannier::daemon {

/// Raises the process' limit of open files so far that `connections` fit beside `others`, or as far as it
/// may. How many connections fit then: at most `connections`, at least 1.
std::uint32_t make_room_for_connections(std::uint32_t connections, std::uint32_t others);

}  // namespace pannier::daemon
