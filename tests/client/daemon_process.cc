#include "tests/client/daemon_process.h"

#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <stdexcept>
#include <thread>

namespace pannier::test {

void DaemonProcess::start() {
  const std::string data = directory_.path() + "/data";
  const std::string socket = path();
  const char* arguments[] = {PANNIERD_PATH, "--socket", socket.c_str(), "--data-dir", data.c_str(), nullptr};
  if (::posix_spawn(&pid_, PANNIERD_PATH, nullptr, nullptr, const_cast<char**>(arguments), environ) != 0) {
    throw std::runtime_error("cannot start " PANNIERD_PATH);
  }
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  for (;;) {
    try {
      Client(options()).ping();
      return;
    } catch (const TransportError& error) {
      const bool has_ended = ::waitpid(pid_, nullptr, WNOHANG) != 0;
      if (has_ended) pid_ = 0;
      if (has_ended || std::chrono::steady_clock::now() > deadline) {
        throw std::runtime_error(std::string("pannierd does not serve: ") + error.what());
      }
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

bool DaemonProcess::stop() {
  if (pid_ == 0) return true;
  int status = 0;
  ::kill(pid_, SIGTERM);
  ::waitpid(pid_, &status, 0);
  pid_ = 0;
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

void DaemonProcess::kill() {
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
  pid_ = 0;
}

}  // namespace pannier::test
