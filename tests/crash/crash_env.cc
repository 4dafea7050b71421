#include "tests/crash/crash_env.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <thread>

namespace pannier::test {

using leveldb::Slice;
using leveldb::Status;

namespace {

Status failed(const std::string& name) { return Status::IOError(name, "Input/output error"); }
Status missing(const std::string& name) { return Status::NotFound(name, "No such file or directory"); }

}  // namespace

std::string_view name_of(Call call) {
  static constexpr std::array<std::string_view, kCalls> kNames{
      "new file",       "append", "sync", "sync directory", "rename", "remove",
      "make directory", "open",   "read", "list",           "lock"};
  return kNames.at(static_cast<std::size_t>(call));
}

class CrashEnv::Lock final : public leveldb::FileLock {
 public:
  explicit Lock(std::string held) : path(std::move(held)) {}
  const std::string path;
};

class CrashEnv::ReadFile final : public leveldb::RandomAccessFile {
 public:
  ReadFile(CrashEnv& env, std::string name, CrashFiles::ContentPtr content)
      : env_(env), name_(std::move(name)), content_(std::move(content)) {}

  Status Read(std::uint64_t offset, std::size_t bytes, Slice* result, char*) const override {
    return env_.call(Call::kRead, name_, [&] {
      const std::string_view all = content_->bytes;
      const std::string_view found = offset > all.size() ? "" : all.substr(offset, bytes);
      *result = Slice(found.data(), found.size());
      return Status::OK();
    });
  }

 private:
  CrashEnv& env_;
  const std::string name_;
  const CrashFiles::ContentPtr content_;
};

class CrashEnv::SequentialReadFile final : public leveldb::SequentialFile {
 public:
  SequentialReadFile(CrashEnv& env, std::string name, CrashFiles::ContentPtr content)
      : env_(env), name_(std::move(name)), content_(std::move(content)) {}

  Status Read(std::size_t bytes, Slice* result, char* scratch) override {
    return env_.call(Call::kRead, name_, [&] {
      const std::size_t read = content_->bytes.copy(scratch, bytes, at_);
      *result = Slice(scratch, read);
      at_ += read;
      return Status::OK();
    });
  }
  Status Skip(std::uint64_t bytes) override {
    at_ = std::min<std::size_t>(content_->bytes.size(), at_ + bytes);
    return Status::OK();
  }

 private:
  CrashEnv& env_;
  const std::string name_;
  const CrashFiles::ContentPtr content_;
  std::size_t at_ = 0;
};

class CrashEnv::WrittenFile final : public leveldb::WritableFile {
 public:
  WrittenFile(CrashEnv& env, std::string name, CrashFiles::ContentPtr content)
      : env_(env), name_(std::move(name)), content_(std::move(content)) {}

  Status Append(const Slice& data) override {
    const std::lock_guard lock(env_.mutex_);
    const Fault fault = env_.fault_of(Call::kAppend);
    if (fault == Fault::kRefused) return failed(name_);
    content_->bytes.append(data.data(), fault == Fault::kPartly ? data.size() / 2 : data.size());
    return fault == Fault::kNone ? Status::OK() : failed(name_);
  }
  Status Sync() override {
    // As LevelDB's own file does it: the name of a manifest and of the tables that it names are synced with
    // it.
    const std::size_t slash = name_.rfind('/');
    if (name_.compare(slash + 1, 8, "MANIFEST") == 0) {
      if (const auto error = env_.sync_directory(name_.substr(0, slash))) return failed(name_);
    }
    const std::lock_guard lock(env_.mutex_);
    const Fault fault = env_.fault_of(Call::kSync);
    if (fault == Fault::kLost) CrashFiles::lose_unsynced(*content_);
    if (fault == Fault::kNone || fault == Fault::kDoneAll) CrashFiles::sync(*content_);
    return fault == Fault::kNone ? Status::OK() : failed(name_);
  }
  Status Flush() override { return Status::OK(); }
  Status Close() override { return Status::OK(); }

 private:
  CrashEnv& env_;
  const std::string name_;
  const CrashFiles::ContentPtr content_;
};

Fault CrashEnv::fault_of(Call call) {
  ++calls_;
  return watcher_ != nullptr ? watcher_->before(call) : Fault::kNone;
}

template <typename Effect>
Status CrashEnv::call(Call call, const std::string& name, Effect effect) {
  const std::lock_guard lock(mutex_);
  const Fault fault = fault_of(call);
  if (fault != Fault::kNone && fault != Fault::kDoneAll) return failed(name);
  const Status status = effect();
  return fault == Fault::kNone ? status : failed(name);
}

bool CrashEnv::run_scheduled() {
  std::pair<void (*)(void*), void*> next;
  {
    const std::lock_guard lock(mutex_);
    if (scheduled_.empty()) return false;
    next = scheduled_.front();
    scheduled_.pop_front();
  }
  next.first(next.second);
  return true;
}

void CrashEnv::settle() {
  is_settling_ = true;
  while (run_scheduled()) {
  }
  is_settling_ = false;
}

void CrashEnv::help_when_stuck() {
  std::thread([this] {
    for (;;) {
      const std::uint64_t calls_before = calls_;
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
      if (calls_ == calls_before && !is_settling_) run_scheduled();
    }
  }).detach();
}

void CrashEnv::Schedule(void (*work)(void*), void* argument) {
  const std::lock_guard lock(mutex_);
  scheduled_.emplace_back(work, argument);
}

std::optional<std::string> CrashEnv::sync_directory(const std::string& path) {
  const Status status = call(Call::kSyncDirectory, path, [&] {
    files_.sync_directory(path);
    return Status::OK();
  });
  return status.ok() ? std::nullopt : std::optional(status.ToString());
}

Status CrashEnv::NewSequentialFile(const std::string& name, leveldb::SequentialFile** file) {
  *file = nullptr;
  return call(Call::kOpen, name, [&] {
    const auto content = files_.find(name);
    if (!content) return missing(name);
    *file = new SequentialReadFile(*this, name, content);
    return Status::OK();
  });
}

Status CrashEnv::NewRandomAccessFile(const std::string& name, leveldb::RandomAccessFile** file) {
  *file = nullptr;
  return call(Call::kOpen, name, [&] {
    const auto content = files_.find(name);
    if (!content) return missing(name);
    *file = new ReadFile(*this, name, content);
    return Status::OK();
  });
}

Status CrashEnv::NewWritableFile(const std::string& name, leveldb::WritableFile** file) {
  *file = nullptr;
  CrashFiles::ContentPtr content;
  Status status = call(Call::kNewFile, name, [&] {
    content = files_.make(name);
    return Status::OK();
  });
  if (status.ok()) *file = new WrittenFile(*this, name, content);
  return status;
}

bool CrashEnv::FileExists(const std::string& name) { return files_.find(name) != nullptr; }

Status CrashEnv::GetChildren(const std::string& directory, std::vector<std::string>* names) {
  return call(Call::kList, directory, [&] {
    *names = files_.names_in(directory);
    return Status::OK();
  });
}

Status CrashEnv::RemoveFile(const std::string& name) {
  return call(Call::kRemove, name, [&] {
    if (!files_.find(name)) return missing(name);
    files_.remove(name);
    return Status::OK();
  });
}

Status CrashEnv::CreateDir(const std::string& name) {
  return call(Call::kMakeDirectory, name, [&] {
    if (files_.find(name)) return failed(name);
    files_.make(name);
    return Status::OK();
  });
}

Status CrashEnv::RemoveDir(const std::string& name) { return failed(name); }

Status CrashEnv::GetFileSize(const std::string& name, std::uint64_t* bytes) {
  return call(Call::kOpen, name, [&] {
    const auto content = files_.find(name);
    *bytes = content ? content->bytes.size() : 0;
    return content ? Status::OK() : missing(name);
  });
}

Status CrashEnv::RenameFile(const std::string& from, const std::string& to) {
  return call(Call::kRename, from, [&] {
    if (!files_.find(from)) return missing(from);
    files_.rename(from, to);
    return Status::OK();
  });
}

Status CrashEnv::LockFile(const std::string& name, leveldb::FileLock** lock) {
  *lock = nullptr;
  return call(Call::kLock, name, [&] {
    if (!locked_.insert(name).second) return failed(name);
    if (!files_.find(name)) files_.make(name);
    *lock = new Lock(name);
    return Status::OK();
  });
}

Status CrashEnv::UnlockFile(leveldb::FileLock* lock) {
  auto* const held = static_cast<Lock*>(lock);
  locked_.erase(held->path);
  delete held;
  return Status::OK();
}

Status CrashEnv::GetTestDirectory(std::string* path) { return failed(*path); }
Status CrashEnv::NewLogger(const std::string& name, leveldb::Logger** logger) {
  *logger = nullptr;
  return failed(name);
}

}  // namespace pannier::test
