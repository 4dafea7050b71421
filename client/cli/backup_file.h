// The files that `pannier backup` writes and `pannier restore` reads. Every failure is a Failed (kLocal) that
// names the file.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace pannier::cli {

/// A file that is there under its name when it is whole and on disk, and not before. Written beside it under
/// a name of its own, which is removed if it does not come to keep(). `-` is standard output.
class NewFile {
 public:
  /// `may_replace`: a regular file of that name may be there.
  NewFile(std::string path, bool may_replace);
  ~NewFile();
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;

  void write(std::string_view bytes);
  /// It is whole: fsync, its name, fsync of the directory.
  void keep();
  /// The same, but for one that is not worth another: a file of its name stays, and this is NAME.incomplete.
  void keep_beside();
  const std::string& path() const { return path_; }
  std::uint64_t bytes() const { return bytes_; }

 private:
  [[noreturn]] void fail(const char* what, int system_error) const;
  void check_old_file() const;
  void take_name();

  std::string path_;
  bool may_replace_;
  std::string draft_path_;  ///< empty: none, or no more
  int fd_ = -1;
  std::uint64_t bytes_ = 0;
};

/// `-` is standard input.
class OldFile {
 public:
  explicit OldFile(std::string path);
  ~OldFile();
  OldFile(const OldFile&) = delete;
  OldFile& operator=(const OldFile&) = delete;

  /// As many bytes as wanted; fewer at the end.
  std::size_t read(char* to, std::size_t size);
  /// Back to its start. False: it is a pipe or the like.
  bool rewind();
  std::string name() const { return path_ == "-" ? "standard input" : path_; }

 private:
  std::string path_;
  int fd_ = -1;
};

}  // namespace pannier::cli
