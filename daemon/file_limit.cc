#include "daemon/file_limit.h"

#include <sys/resource.h>

#include <algorithm>

namespace pannier::daemon {

std::uint32_t make_room_for_connections(std::uint32_t connections, std::uint32_t others) {
  rlimit limit = {};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return connections;
  const rlim_t needed = rlim_t{connections} + others;
  if (limit.rlim_cur < needed) {
    const rlimit raised = {needed, std::max(needed, limit.rlim_max)};
    const rlimit allowed = {std::min(needed, limit.rlim_max), limit.rlim_max};
    // Only a privileged process may go above the hard limit.
    if (setrlimit(RLIMIT_NOFILE, &raised) == 0 || setrlimit(RLIMIT_NOFILE, &allowed) == 0) {
      getrlimit(RLIMIT_NOFILE, &limit);
    }
  }
  if (limit.rlim_cur >= needed) return connections;
  return static_cast<std::uint32_t>(std::max<rlim_t>(limit.rlim_cur, rlim_t{others} + 1) - others);
}

}  // namespace pannier::daemon
