// MemoryDir: a directory of its own for one test in a file system that is memory, removed with all it holds
// at the end.
#pragma once

#include <stdlib.h>

#include <filesystem>
#include <string>
#include <system_error>

namespace pannier::test {

class MemoryDir {
 public:
  MemoryDir() {
    std::string name = "/dev/shm/pannier-XXXXXX";
    path_ = ::mkdtemp(name.data());
  }
  ~MemoryDir() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  MemoryDir(const MemoryDir&) = delete;
  MemoryDir& operator=(const MemoryDir&) = delete;

  std::string file(const std::string& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

}  // namespace pannier::test
