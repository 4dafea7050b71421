#include "storage/leveldb_log_sync.h"

#include <utility>

#include "storage/thread_turn.h"

namespace pannier::storage {

class LogSync::File final : public leveldb::WritableFile {
 public:
  File(LogSync& log_sync, std::unique_ptr<leveldb::WritableFile> file)
      : log_sync_(log_sync), file_(std::move(file)) {}

  leveldb::Status Append(const leveldb::Slice& data) override {
    unsynced_bytes_ += data.size();
    log_sync_.log_bytes_ += data.size();
    return file_->Append(data);
  }
  leveldb::Status Close() override { return file_->Close(); }
  leveldb::Status Flush() override { return file_->Flush(); }
  leveldb::Status Sync() override { return log_sync_.sync(*this); }

  leveldb::WritableFile& base() { return *file_; }
  /// Appended since it was called last.
  std::size_t take_unsynced_bytes() { return std::exchange(unsynced_bytes_, 0); }

 private:
  LogSync& log_sync_;
  std::unique_ptr<leveldb::WritableFile> file_;
  std::size_t unsynced_bytes_ = 0;
};

LogSync::LogSync(leveldb::Env* base, bool has_threads)
    : EnvWrapper(base), job_([this] { status_ = file_->Sync(); }) {
  if (!has_threads) return;
  small_ = std::make_unique<SyncThread>(go_before_others);
  large_ = std::make_unique<SyncThread>(give_way);
}

void LogSync::begin() { is_writing_ = true; }

leveldb::Status LogSync::sync(File& file) {
  const std::size_t bytes = file.take_unsynced_bytes();
  if (!is_writing_) return file.base().Sync();
  file_ = &file.base();
  syncing_ = bytes <= kSmallBytesMax ? small_.get() : large_.get();
  if (syncing_ != nullptr) syncing_->begin(job_);
  return leveldb::Status::OK();
}

leveldb::Status LogSync::end() {
  is_writing_ = false;
  if (syncing_ != nullptr) {
    syncing_->end();
  } else if (file_ != nullptr) {
    job_();
  }
  syncing_ = nullptr;
  file_ = nullptr;
  return std::exchange(status_, leveldb::Status::OK());
}

leveldb::Status LogSync::NewWritableFile(const std::string& name, leveldb::WritableFile** file) {
  leveldb::Status status = EnvWrapper::NewWritableFile(name, file);
  if (!status.ok() || !name.ends_with(".log")) return status;
  *file = new File(*this, std::unique_ptr<leveldb::WritableFile>(*file));
  log_bytes_ = 0;
  return status;
}

}  // namespace pannier::storage
