#include "client/cli/troubles.h"

#include "client/cli/human.h"

namespace pannier::cli {

std::vector<std::string> troubles_of(const ServerInfo& server) {
  std::vector<std::string> lines;
  if (server.read_errors > 0) {
    const std::string last = server.last_read_error.empty() ? "" : ", the last: " + server.last_read_error;
    lines.push_back(human_count(server.read_errors, "read", "reads") + " from disk failed" + last);
  }
  if (server.access_needs_restart) {
    lines.emplace_back("access is narrower than when somebody mapped the memory: restart the daemon");
  }
  return lines;
}

}  // namespace pannier::cli
