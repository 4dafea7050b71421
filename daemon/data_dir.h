// The directory that the durable tier is kept in. One daemon uses it at a time: it holds a lock (flock) on
// the file `lock` there as long as it runs. The file stays; it says nothing without the lock.
#pragma once

#include <string>
#include <variant>

#include "daemon/owned_fd.h"

namespace pannier::daemon {

/// Taken, as long as this is kept.
struct DataDir {
  OwnedFd lock;
  std::string database_path;  ///< for LevelDB, a directory of its own
};
/// What is wrong, with the path and what to do about it.
struct DataDirFault {
  std::string text;
};

/// Makes the directory (mode 0700) if only itself is missing. A fault if another process has taken it, or if
/// it cannot be had.
std::variant<DataDir, DataDirFault> take_data_dir(const std::string& path);

}  // namespace pannier::daemon
