// OwnedFd is an open file descriptor that is closed at the end.
#pragma once

#include <unistd.h>

#include <utility>

namespace pannier::daemon {

class OwnedFd {
 public:
  OwnedFd() = default;
  /// Negative: none.
  explicit OwnedFd(int fd) : fd_(fd) {}
  OwnedFd(OwnedFd&& other) noexcept : fd_(other.release()) {}
  OwnedFd& operator=(OwnedFd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~OwnedFd() {
    if (is_open()) ::close(fd_);
  }

  bool is_open() const { return fd_ >= 0; }
  int get() const { return fd_; }
  /// Leaves it to the caller.
  int release() { return std::exchange(fd_, -1); }

 private:
  int fd_ = -1;
};

}  // namespace pannier::daemon
