// ArenaFile: a file in which the arena outlives the process where no service manager keeps it. It has to be
// in a file system that is memory (tmpfs): elsewhere each change of an entry would be written to a disk
// sooner or later. Nobody but the user of the daemon gets at it, and one daemon uses it at a time: it is
// locked (flock).
//
// A new arena is made beside it, as PATH.new, and takes its place only when it is whole. One that cannot be
// taken over is kept aside as PATH.unusable, for somebody to look at.
#pragma once

#include <optional>
#include <string>
#include <variant>

#include "daemon/owned_fd.h"

namespace pannier::daemon {

/// What is wrong, with the path and what to do about it.
struct ArenaFileFault {
  std::string text;
};

class ArenaFile {
 public:
  /// Opens and locks the file, and makes it (mode 0600) if only itself is missing. A fault if its directory
  /// is in no tmpfs, if it is a symbolic link or no file at all, belongs to another user, gives anybody else
  /// a right, or if another daemon uses it.
  static std::variant<ArenaFile, ArenaFileFault> take(const std::string& path);
  /// A new file that was not put in place goes: it would take memory, and nobody would look for it.
  ~ArenaFile();
  ArenaFile(ArenaFile&&) = default;
  ArenaFile& operator=(ArenaFile&&) = default;

  const std::string& path() const { return path_; }
  bool is_empty() const;
  /// A descriptor of the file, the caller's. What is done to it does not end the lock.
  OwnedFd open_again() const;

  /// An empty PATH.new, locked; the descriptor is the caller's.
  std::variant<OwnedFd, ArenaFileFault> make_new();
  /// PATH.new takes the place of PATH, which is gone. Precondition: make_new() succeeded.
  std::optional<ArenaFileFault> put_new_in_place();
  /// PATH.new goes if there is one, also one that a process that died has left.
  void forget_new();
  /// PATH becomes PATH.unusable, instead of an older one. Stays locked until put_new_in_place().
  std::optional<ArenaFileFault> put_aside();
  std::string new_path() const { return path_ + ".new"; }
  std::string aside_path() const { return path_ + ".unusable"; }

 private:
  ArenaFile(std::string path, OwnedFd directory, std::string name);
  std::optional<ArenaFileFault> open_and_lock();
  /// Not open, with errno, if it cannot be had.
  OwnedFd open_or_make() const;
  bool is_in_its_place(int fd) const;
  ArenaFileFault fault(const std::string& what, int code) const;

  std::string path_;
  OwnedFd directory_;
  std::string name_;
  OwnedFd file_;
  OwnedFd new_file_;
};

}  // namespace pannier::daemon
