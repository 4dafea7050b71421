// UnsyncedEnv: LevelDB's view of the operating system without fsync, for tests that lose processes, never
// power, and write tens of thousands of batches.
#pragma once

#include <leveldb/env.h>

#include <memory>
#include <string>

namespace pannier::storage {

class UnsyncedFile final : public leveldb::WritableFile {
 public:
  explicit UnsyncedFile(leveldb::WritableFile* file) : file_(file) {}
  leveldb::Status Append(const leveldb::Slice& data) override { return file_->Append(data); }
  leveldb::Status Close() override { return file_->Close(); }
  leveldb::Status Flush() override { return file_->Flush(); }
  leveldb::Status Sync() override { return file_->Flush(); }

 private:
  std::unique_ptr<leveldb::WritableFile> file_;
};

class UnsyncedEnv final : public leveldb::EnvWrapper {
 public:
  UnsyncedEnv() : leveldb::EnvWrapper(leveldb::Env::Default()) {}

  leveldb::Status NewWritableFile(const std::string& name, leveldb::WritableFile** file) override {
    return wrapped(target()->NewWritableFile(name, file), file);
  }
  leveldb::Status NewAppendableFile(const std::string& name, leveldb::WritableFile** file) override {
    return wrapped(target()->NewAppendableFile(name, file), file);
  }

 private:
  static leveldb::Status wrapped(const leveldb::Status& status, leveldb::WritableFile** file) {
    if (status.ok()) *file = new UnsyncedFile(*file);
    return status;
  }
};

}  // namespace pannier::storage
