// DaemonProcess: a real pannierd with a socket and data of its own, for as long as the object lives.
#pragma once

#include <sys/types.h>

#include <string>

#include "pannier/client.h"
#include "tests/client/temporary_directory.h"

namespace pannier::test {

class DaemonProcess {
 public:
  /// Starts it and waits until it answers. Throws std::runtime_error if it ends instead, or takes longer than
  /// 30 s.
  DaemonProcess() { start(); }
  DaemonProcess(const DaemonProcess&) = delete;
  DaemonProcess& operator=(const DaemonProcess&) = delete;
  ~DaemonProcess() { stop(); }

  std::string path() const { return directory_.path() + "/socket"; }
  ClientOptions options() const { return {.path = path(), .request_timeout = std::chrono::seconds(30)}; }

  /// Stops it by SIGTERM and waits for its end. Whether it ended with exit code 0.
  bool stop();
  /// Ends it by SIGKILL and waits for its end.
  void kill();
  void start();

 private:
  TemporaryDirectory directory_;
  pid_t pid_ = 0;
};

}  // namespace pannier::test
