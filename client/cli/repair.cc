// pannier repair: pannierd does it, which knows the disk.
#include <unistd.h>

#include <filesystem>
#include <memory>
#include <string>
#include <system_error>
#include <vector>

#include "client/cli/child.h"
#include "client/cli/command.h"

namespace pannier::cli {

namespace {

/// The one that stands beside this program, else the one of $PATH.
std::string daemon_program() {
  std::error_code unknown;
  const auto self = std::filesystem::read_symlink("/proc/self/exe", unknown);
  const std::string beside = (self.parent_path() / "pannierd").string();
  return !unknown && ::access(beside.c_str(), X_OK) == 0 ? beside : "pannierd";
}

}  // namespace

void add_repair(Arguments& arguments, Session& session) {
  const auto data_dir = std::make_shared<std::string>();
  arguments.required("DATA_DIR", *data_dir, "What pannierd has as --data-dir");
  arguments.help(
      R"(For durable caches that pannierd cannot open any more, or of which records are damaged. Stop pannierd first, and
be its user (runuser -u pannier -- pannier repair DIR). Saves what can be read and tells for each cache how many
entries that are and how many are lost. What was there is kept in DATA_DIR/durable.before-repair, whatever comes of
it. `pannier restore` of a backup loses less, if there is one.

Example:
  pannier repair /var/lib/pannier)");
  arguments.run([&session, data_dir] {
    std::vector<std::string> command{daemon_program(), "--repair", *data_dir};
    if (session.json()) command.emplace_back("--json");
    session.print(output_of(command));
  });
}

}  // namespace pannier::cli
