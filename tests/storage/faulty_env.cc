#include "tests/storage/faulty_env.h"

#include <memory>

namespace pannier::test {

class FaultyEnv::File final : public leveldb::WritableFile {
 public:
  File(FaultyEnv& env, leveldb::WritableFile* base, bool is_table)
      : env_(env), base_(base), is_table_(is_table) {}

  leveldb::Status Append(const leveldb::Slice& data) override {
    if (env_.fails_writes) return leveldb::Status::IOError("append", "No space left on device");
    return base_->Append(data);
  }
  leveldb::Status Close() override { return base_->Close(); }
  leveldb::Status Flush() override { return base_->Flush(); }
  leveldb::Status Sync() override {
    env_.wait_for_release(is_table_);
    ++env_.syncs;
    const leveldb::Status status = base_->Sync();
    return env_.fails_syncs ? leveldb::Status::IOError("sync", "Input/output error") : status;
  }

 private:
  FaultyEnv& env_;
  std::unique_ptr<leveldb::WritableFile> base_;
  const bool is_table_;
};

leveldb::Status FaultyEnv::NewWritableFile(const std::string& name, leveldb::WritableFile** file) {
  const bool is_table = name.ends_with(".ldb");
  if (fails_new_files || (fails_new_tables && is_table))
    return leveldb::Status::IOError(name, "Permission denied");
  leveldb::WritableFile* base = nullptr;
  leveldb::Status status = EnvWrapper::NewWritableFile(name, &base);
  if (status.ok()) *file = new File(*this, base, is_table);
  return status;
}

void FaultyEnv::hold_syncs() {
  const std::lock_guard lock(mutex_);
  is_holding_ = true;
}

void FaultyEnv::hold_syncs_of_tables() {
  const std::lock_guard lock(mutex_);
  is_holding_tables_ = true;
}

void FaultyEnv::release_syncs() {
  const std::lock_guard lock(mutex_);
  is_holding_ = false;
  is_holding_tables_ = false;
  released_.notify_all();
}

void FaultyEnv::wait_for_release(bool is_table) {
  std::unique_lock lock(mutex_);
  released_.wait(lock, [&] { return !is_holding_ && !(is_table && is_holding_tables_); });
}

}  // namespace pannier::test
