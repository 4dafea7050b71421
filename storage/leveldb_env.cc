#include "storage/leveldb_env.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <memory>
#include <string_view>
#include <system_error>

#include "storage/leveldb_log_file.h"

namespace pannier::storage {

namespace {

constexpr std::size_t kProbeBytes = std::size_t{64} << 10;

// Not NotFound, which LevelDB would take for the answer that the table does not have the key.
leveldb::Status failed(const std::string& name, int error) {
  if (error == ENOENT) return leveldb::Status::Corruption(name, std::strerror(error));
  return leveldb::Status::IOError(name, std::strerror(error));
}

class ReadFile final : public leveldb::RandomAccessFile {
 public:
  /// Owns the descriptor.
  ReadFile(std::string name, int fd) : name_(std::move(name)), fd_(fd) {}
  ~ReadFile() override { ::close(fd_); }

  leveldb::Status Read(std::uint64_t offset, std::size_t size, leveldb::Slice* result,
                       char* scratch) const override {
    std::size_t got = 0;
    while (got < size) {
      const ssize_t some = ::pread(fd_, scratch + got, size - got, static_cast<off_t>(offset + got));
      if (some < 0 && errno == EINTR) continue;
      if (some < 0) return failed(name_, errno);
      if (some == 0) break;
      got += static_cast<std::size_t>(some);
    }
    *result = leveldb::Slice(scratch, got);
    return leveldb::Status::OK();
  }

 private:
  std::string name_;
  int fd_;
};

}  // namespace

leveldb::Status SystemEnv::NewRandomAccessFile(const std::string& name, leveldb::RandomAccessFile** file) {
  *file = nullptr;
  const int fd = ::open(name.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return failed(name, errno);
  *file = new ReadFile(name, fd);
  return leveldb::Status::OK();
}

leveldb::Status SystemEnv::NewWritableFile(const std::string& name, leveldb::WritableFile** file) {
  if (!name.ends_with(".log")) return EnvWrapper::NewWritableFile(name, file);
  *file = nullptr;
  const int fd = ::open(name.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd < 0) return leveldb::Status::IOError(name, std::strerror(errno));
  *file = new LogFile(name, fd);
  return leveldb::Status::OK();
}

std::optional<std::string> sync_directory(const std::string& path) {
  const int directory = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (directory < 0) return std::strerror(errno);
  const int error = ::fsync(directory) == 0 ? 0 : errno;
  ::close(directory);
  return error == 0 ? std::nullopt : std::optional<std::string>(std::strerror(error));
}

leveldb::Status DurableNamesEnv::sync_name(const std::string& path) const {
  std::error_code no_directory;  // then the parent's name is empty, and cannot be synced
  const std::string parent = std::filesystem::absolute(path, no_directory).parent_path();
  const std::optional<std::string> error = sync_directory_(parent);
  return error ? leveldb::Status::IOError(parent, *error) : leveldb::Status::OK();
}

leveldb::Status DurableNamesEnv::NewWritableFile(const std::string& name, leveldb::WritableFile** file) {
  leveldb::Status status = EnvWrapper::NewWritableFile(name, file);
  if (!status.ok() || !(name.ends_with(".log") || name.ends_with(".ldb"))) return status;
  note(name);
  status = sync_name(name);
  if (status.ok()) return status;
  delete *file;
  *file = nullptr;
  return status;
}

leveldb::Status DurableNamesEnv::RenameFile(const std::string& from, const std::string& to) {
  leveldb::Status status = EnvWrapper::RenameFile(from, to);
  if (!status.ok()) return status;
  note(to);
  return sync_name(to);
}

std::optional<DurableNamesEnv::Place> DurableNamesEnv::place_of(const std::string& path) {
  struct stat status;
  if (::stat(path.c_str(), &status) != 0) return std::nullopt;
  return Place{path, status.st_dev, status.st_ino};
}

void DurableNamesEnv::note(const std::string& path) {
  const std::lock_guard lock(places_lock_);
  if (path.ends_with("/CURRENT")) current_ = place_of(path);
  if (!path.ends_with(".log")) return;
  older_log_path_ = std::exchange(log_path_, path);
  log_ = place_of(path);
}

std::optional<std::string> DurableNamesEnv::misplaced(const Place& place) {
  struct stat status;
  if (::stat(place.path.c_str(), &status) != 0) return place.path + ": " + std::strerror(errno);
  if (status.st_dev == place.device && status.st_ino == place.inode) return std::nullopt;
  return place.path + " is another file";
}

std::optional<std::string> DurableNamesEnv::misplaced() const {
  const std::lock_guard lock(places_lock_);
  for (const auto& place : {current_, log_}) {
    if (!place) continue;
    if (auto text = misplaced(*place)) return text;
  }
  return std::nullopt;
}

bool DurableNamesEnv::needs_older_log() const {
  const std::lock_guard lock(places_lock_);
  return !older_log_path_.empty();
}

leveldb::Status DurableNamesEnv::RemoveFile(const std::string& name) {
  {
    const std::lock_guard lock(places_lock_);
    if (name == older_log_path_) older_log_path_.clear();
  }
  const std::filesystem::path path(name);
  const std::string file = path.filename();
  if (file.starts_with("MANIFEST-")) {
    std::string current;
    leveldb::Status status = leveldb::ReadFileToString(target(), path.parent_path() / "CURRENT", &current);
    if (!status.ok() && !status.IsNotFound()) return status;
    if (status.ok() && current == file + "\n") return leveldb::Status::IOError(name, "CURRENT names it");
  }
  return EnvWrapper::RemoveFile(name);
}

bool is_unused(const std::vector<std::string>& names) {
  return std::none_of(names.begin(), names.end(), [](std::string_view name) {
    return name == "CURRENT" || name.ends_with(".log") || name.ends_with(".ldb") || name.ends_with(".sst");
  });
}

leveldb::Status probe_directory(leveldb::Env& env, const std::string& path) {
  const std::string name = path + "/probe.tmp";
  leveldb::WritableFile* opened = nullptr;
  leveldb::Status status = env.NewWritableFile(name, &opened);
  if (!status.ok()) return status;
  const std::unique_ptr<leveldb::WritableFile> file(opened);
  status = file->Append(std::string(kProbeBytes, '\0'));
  if (status.ok()) status = file->Sync();
  if (status.ok()) status = file->Close();
  const leveldb::Status removed = env.RemoveFile(name);
  return status.ok() ? removed : status;
}

}  // namespace pannier::storage
