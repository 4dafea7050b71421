#include "daemon/arena_file.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <cerrno>
#include <filesystem>
#include <system_error>
#include <utility>

#include "daemon/quantity.h"
#include "daemon/reason.h"

namespace pannier::daemon {
namespace {

constexpr mode_t kOwnerOnly = 0600;
/// A file that is replaced again and again while it is being opened is given up after so often.
constexpr int kTriesMax = 100;

const std::string kOrAnother = ", or choose another path with --arena-file";
const std::string kOnDisk =
    "in a file system that is not in memory (tmpfs): every change of an entry would go to a disk. Choose a "
    "path "
    "under /dev/shm or /run with --arena-file";

bool is_in_memory(int fd) {
  struct statfs system;
  if (fstatfs(fd, &system) != 0) return false;
  return system.f_type == TMPFS_MAGIC || system.f_type == RAMFS_MAGIC;
}

OwnedFd duplicate(const OwnedFd& fd) { return OwnedFd(fcntl(fd.get(), F_DUPFD_CLOEXEC, 0)); }

/// What is wrong with an open file; nothing if it is ours alone, and in memory.
std::optional<std::string> fault_of(int fd) {
  struct stat status;
  if (fstat(fd, &status) != 0) return "cannot be looked at: " + reason(errno);
  if (!S_ISREG(status.st_mode)) return "is no regular file: remove it" + kOrAnother;
  if (status.st_uid != geteuid()) {
    return "belongs to another user (uid " + std::to_string(status.st_uid) + ", and this process has uid " +
           std::to_string(geteuid()) + "): remove it" + kOrAnother;
  }
  if ((status.st_mode & 07777 & ~kOwnerOnly) != 0) {
    return "has the mode " + mode_text(status.st_mode & 07777) +
           ", and only its owner may have rights (0600): remove it" + kOrAnother;
  }
  if (!is_in_memory(fd)) return "lies " + kOnDisk;
  return std::nullopt;
}

}  // namespace

std::variant<ArenaFile, ArenaFileFault> ArenaFile::take(const std::string& path) {
  const std::filesystem::path whole(path);
  const std::string name = whole.filename();
  if (name.empty() || name == "." || name == "..") {
    return ArenaFileFault{"the arena file " + path + " would be a directory: add the name of a file"};
  }
  const std::string parent = whole.has_parent_path() ? whole.parent_path().string() : ".";
  OwnedFd directory(open(parent.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!directory.is_open()) {
    return ArenaFileFault{"cannot open the directory of the arena file " + path + ": " + reason(errno) +
                          ". Create it" + kOrAnother};
  }
  if (!is_in_memory(directory.get())) {
    return ArenaFileFault{"the arena file " + path + " would lie " + kOnDisk};
  }
  ArenaFile file(path, std::move(directory), name);
  if (auto fault = file.open_and_lock()) return *std::move(fault);
  return file;
}

ArenaFile::ArenaFile(std::string path, OwnedFd directory, std::string name)
    : path_(std::move(path)), directory_(std::move(directory)), name_(std::move(name)) {}

ArenaFile::~ArenaFile() {
  if (new_file_.is_open()) forget_new();
}

OwnedFd ArenaFile::open_or_make() const {
  constexpr int kFlags = O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
  // Without O_CREAT first: with it, Linux refuses another user's file before it can be looked at.
  OwnedFd opened(openat(directory_.get(), name_.c_str(), kFlags));
  if (opened.is_open() || errno != ENOENT) return opened;
  return OwnedFd(openat(directory_.get(), name_.c_str(), kFlags | O_CREAT | O_EXCL, kOwnerOnly));
}

bool ArenaFile::is_in_its_place(int fd) const {
  struct stat open_file, named_file;
  return fstat(fd, &open_file) == 0 &&
         fstatat(directory_.get(), name_.c_str(), &named_file, AT_SYMLINK_NOFOLLOW) == 0 &&
         open_file.st_dev == named_file.st_dev && open_file.st_ino == named_file.st_ino;
}

std::optional<ArenaFileFault> ArenaFile::open_and_lock() {
  for (int tries = 0; tries < kTriesMax; ++tries) {
    OwnedFd opened = open_or_make();
    if (!opened.is_open() && errno == EEXIST) continue;
    if (!opened.is_open()) return fault("cannot open", errno);
    if (const auto wrong = fault_of(opened.get())) {
      return ArenaFileFault{"the arena file " + path_ + " " + *wrong};
    }
    if (flock(opened.get(), LOCK_EX | LOCK_NB) != 0) {
      return ArenaFileFault{"another daemon uses the arena file " + path_ + " already: stop it" + kOrAnother};
    }
    // A daemon that ended meanwhile may have put another in its place: then the lock is worth nothing.
    if (!is_in_its_place(opened.get())) continue;
    file_ = std::move(opened);
    return std::nullopt;
  }
  return ArenaFileFault{"the arena file " + path_ +
                        " keeps being replaced: another process seems to start daemons without end"};
}

bool ArenaFile::is_empty() const {
  struct stat status;
  return fstat(file_.get(), &status) == 0 && status.st_size == 0;
}

OwnedFd ArenaFile::open_again() const { return duplicate(file_); }

std::variant<OwnedFd, ArenaFileFault> ArenaFile::make_new() {
  const std::string name = name_ + ".new";
  // Left by a process that died before it was whole.
  unlinkat(directory_.get(), name.c_str(), 0);
  new_file_ = OwnedFd(
      openat(directory_.get(), name.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, kOwnerOnly));
  if (!new_file_.is_open()) return fault("cannot make a new file for", errno);
  if (flock(new_file_.get(), LOCK_EX | LOCK_NB) != 0) return fault("cannot lock the new file for", errno);
  OwnedFd copy = duplicate(new_file_);
  if (!copy.is_open()) return fault("cannot make a new file for", errno);
  return copy;
}

std::optional<ArenaFileFault> ArenaFile::put_new_in_place() {
  const std::string name = name_ + ".new";
  if (renameat(directory_.get(), name.c_str(), directory_.get(), name_.c_str()) != 0) {
    return fault("cannot put the new file in the place of", errno);
  }
  file_ = std::move(new_file_);
  return std::nullopt;
}

void ArenaFile::forget_new() {
  unlinkat(directory_.get(), (name_ + ".new").c_str(), 0);
  new_file_ = OwnedFd();
}

std::optional<ArenaFileFault> ArenaFile::put_aside() {
  const std::string aside = name_ + ".unusable";
  if (renameat(directory_.get(), name_.c_str(), directory_.get(), aside.c_str()) == 0) return std::nullopt;
  return fault("cannot rename to " + aside_path() + " what was", errno);
}

ArenaFileFault ArenaFile::fault(const std::string& what, int code) const {
  if (code == ELOOP) {
    return {"the arena file " + path_ + " is a symbolic link: name the file itself with --arena-file"};
  }
  return {what + " the arena file " + path_ + ": " + reason(code) + kOrAnother};
}

}  // namespace pannier::daemon
