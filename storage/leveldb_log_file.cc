#include "storage/leveldb_log_file.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace pannier::storage {

namespace {

/// How many of the bytes were written; all, unless errno says why not.
std::size_t write_at(int fd, std::uint64_t offset, std::string_view bytes) {
  std::size_t written = 0;
  while (written < bytes.size()) {
    const ssize_t some =
        ::pwrite(fd, bytes.data() + written, bytes.size() - written, static_cast<off_t>(offset + written));
    if (some < 0 && errno == EINTR) continue;
    if (some < 0) break;
    written += static_cast<std::size_t>(some);
  }
  return written;
}

}  // namespace

LogFile::~LogFile() {
  if (fd_ >= 0) static_cast<void>(LogFile::Close());
}

leveldb::Status LogFile::failed() const { return leveldb::Status::IOError(name_, std::strerror(errno)); }

leveldb::Status LogFile::Append(const leveldb::Slice& data) {
  buffer_.append(data.data(), data.size());
  return leveldb::Status::OK();
}

leveldb::Status LogFile::Flush() {
  if (write_at(fd_, end(), buffer_) < buffer_.size()) return failed();
  unsynced_ += buffer_.size();
  file_end_ = std::max(file_end_, end());
  buffer_.clear();
  return leveldb::Status::OK();
}

leveldb::Status LogFile::Sync() {
  if (leveldb::Status status = Flush(); !status.ok()) return status;
  write_ahead();
  if (::fdatasync(fd_) != 0) return failed();
  synced_end_ = end();
  unsynced_ = 0;
  return leveldb::Status::OK();
}

// As much as now, next time, shall not make the file grow.
void LogFile::write_ahead() {
  static constexpr std::array<char, kAheadBytes> kZeros{};
  if (unsynced_ > kSyncedBytesMax || end() + unsynced_ <= file_end_) return;
  file_end_ += write_at(fd_, file_end_, {kZeros.data(), kZeros.size()});
}

leveldb::Status LogFile::Close() {
  leveldb::Status status = Flush();
  if (::close(std::exchange(fd_, -1)) != 0 && status.ok()) status = failed();
  return status;
}

}  // namespace pannier::storage
