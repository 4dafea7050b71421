#include "daemon/data_dir.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>

#include "daemon/reason.h"

namespace pannier::daemon {
namespace {

constexpr mode_t kOwnerOnlyDir = 0700;
constexpr mode_t kOwnerOnlyFile = 0600;
constexpr std::string_view kOtherwise = ", or choose another directory with --data-dir";

/// Not the directory itself, which is made here with the right mode.
std::string directory_above(const std::string& path) {
  const std::filesystem::path named(path);
  return (named.has_filename() ? named : named.parent_path()).parent_path().string();
}

std::optional<DataDirFault> make_dir(const std::string& path) {
  if (mkdir(path.c_str(), kOwnerOnlyDir) == 0) return std::nullopt;
  const int code = errno;
  std::error_code ignored;
  if (code == EEXIST && std::filesystem::is_directory(path, ignored)) return std::nullopt;
  std::string text = "cannot create the data directory " + path + ": " + reason(code) +
                     ". Give the user of this process the right to";
  if (code == EEXIST) text = "the data directory " + path + " is no directory: remove what is there";
  if (code == ENOENT) {
    text = "the directory above the data directory " + path + " does not exist: create it (mkdir -p " +
           directory_above(path) + ")";
  }
  return DataDirFault{text + std::string(kOtherwise)};
}

/// Root may write what is another user's, whose daemon could not read then what root has made there.
std::optional<DataDirFault> fault_of_owner(const std::string& path, int lock_fd) {
  struct stat status;
  if (fstat(lock_fd, &status) != 0 || status.st_uid == geteuid()) return std::nullopt;
  const std::string owner = std::to_string(status.st_uid);
  return DataDirFault{
      "the data directory " + path + " is that of a daemon of the user " + owner +
      ", and this process is of " + std::to_string(geteuid()) + ": start it as that user (`id -nu " + owner +
      "` has the name, `runuser -u NAME -- COMMAND` starts it), or make all of the directory this "
      "user's (chown -R)" +
      std::string(kOtherwise)};
}

}  // namespace

std::variant<DataDir, DataDirFault> take_data_dir(const std::string& path) {
  if (std::optional<DataDirFault> fault = make_dir(path)) return *std::move(fault);
  const std::filesystem::path directory(path);
  OwnedFd lock(open((directory / "lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, kOwnerOnlyFile));
  if (!lock.is_open()) {
    return DataDirFault{"cannot write to the data directory " + path + ": " + reason(errno) +
                        ". Give the user of this process the right to" + std::string(kOtherwise)};
  }
  if (std::optional<DataDirFault> fault = fault_of_owner(path, lock.get())) return *std::move(fault);
  if (flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
    return DataDirFault{"another daemon uses the data directory " + path + " already: stop it" +
                        std::string(kOtherwise)};
  }
  return DataDir{std::move(lock), (directory / "durable").string()};
}

}  // namespace pannier::daemon
