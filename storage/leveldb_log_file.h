// LogFile: a log of LevelDB that is longer than what was written to it. To sync a file that has grown, the
// file system has to write where it ends as well, beside it or into a journal; where bytes are replaced that
// are there already it has not. So where little is synced at a time, zeros are written ahead.
//
// They stay: whoever reads the log takes zeros behind a record for its end, as LevelDB does.
#pragma once

#include <leveldb/env.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace pannier::storage {

/// Thread safety: none, as LevelDB's files.
class LogFile final : public leveldb::WritableFile {
 public:
  /// So many zeros at a time. It may also be ahead by less, or not at all: on a full disk.
  static constexpr std::size_t kAheadBytes = std::size_t{256} << 10;
  /// More than that at a time is not worth it: all of it would be written twice.
  static constexpr std::size_t kSyncedBytesMax = kAheadBytes / 4;

  /// Owns the descriptor, of an empty file. `name`: for errors.
  LogFile(std::string name, int fd) : name_(std::move(name)), fd_(fd) {}
  ~LogFile() override;

  leveldb::Status Append(const leveldb::Slice& data) override;
  leveldb::Status Close() override;
  leveldb::Status Flush() override;
  leveldb::Status Sync() override;

 private:
  /// Where the next append is written.
  std::uint64_t end() const { return synced_end_ + unsynced_; }
  void write_ahead();
  leveldb::Status failed() const;

  std::string name_;
  int fd_;
  std::string buffer_;            // appended since the last flush
  std::uint64_t synced_end_ = 0;  // of what was written, at the last sync
  std::uint64_t unsynced_ = 0;    // bytes written since
  std::uint64_t file_end_ = 0;    // zeros included
};

}  // namespace pannier::storage
