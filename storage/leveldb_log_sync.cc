#include "storage/leveldb_log_sync.h"

#include <utility>

namespace pannier::storage {

class LogSync::File final : public leveldb::WritableFile {
 public:
  File(LogSync& log_sync, std::unique_ptr<leveldb::WritableFile> file)
      : log_sync_(log_sync), file_(std::move(file)) {}

  leveldb::Status Append(const leveldb::Slice& data) override { return file_->Append(data); }
  leveldb::Status Close() override { return file_->Close(); }
  leveldb::Status Flush() override { return file_->Flush(); }
  leveldb::Status Sync() override { return log_sync_.sync(*file_); }

 private:
  LogSync& log_sync_;
  std::unique_ptr<leveldb::WritableFile> file_;
};

LogSync::LogSync(leveldb::Env* base, bool has_thread)
    : EnvWrapper(base),
      thread_(has_thread ? std::make_unique<SyncThread>() : nullptr),
      job_([this] { status_ = file_->Sync(); }) {}

void LogSync::begin() { is_writing_ = true; }

leveldb::Status LogSync::sync(leveldb::WritableFile& file) {
  if (!is_writing_) return file.Sync();
  file_ = &file;
  if (thread_) thread_->begin(job_);
  return leveldb::Status::OK();
}

leveldb::Status LogSync::end() {
  is_writing_ = false;
  if (thread_) thread_->end();
  if (!thread_ && file_ != nullptr) job_();
  file_ = nullptr;
  return std::exchange(status_, leveldb::Status::OK());
}

leveldb::Status LogSync::NewWritableFile(const std::string& name, leveldb::WritableFile** file) {
  const leveldb::Status status = EnvWrapper::NewWritableFile(name, file);
  if (status.ok() && name.ends_with(".log"))
    *file = new File(*this, std::unique_ptr<leveldb::WritableFile>(*file));
  return status;
}

}  // namespace pannier::storage
