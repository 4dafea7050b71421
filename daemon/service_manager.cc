#include "daemon/service_manager.h"

#include <systemd/sd-daemon.h>

#include <algorithm>
#include <cstdlib>
#include <system_error>
#include <utility>

namespace pannier::daemon {
namespace {

using Failure = ServiceManager::Failure;

constexpr std::uint64_t kUsPerMs = 1'000;

/// sd-daemon's result, negative for an error.
Failure failure_of(int result) {
  if (result >= 0) return std::nullopt;
  return std::generic_category().message(-result);
}

Failure tell(const std::string& message) { return failure_of(sd_notify(0, message.c_str())); }

/// A field ends at the end of its line.
std::string without_line_ends(std::string_view text) {
  std::string line(text);
  std::replace(line.begin(), line.end(), '\n', ' ');
  return line;
}

}  // namespace

ServiceManager ServiceManager::from_environment() {
  ServiceManager manager;
  const char* const socket = std::getenv("NOTIFY_SOCKET");
  manager.is_there_ = socket != nullptr && *socket != '\0';
  char** names = nullptr;
  const int count = sd_listen_fds_with_names(1, &names);
  if (count < 0) manager.fault_ = failure_of(count);
  for (int number = 0; number < count; ++number) {
    manager.passed_.push_back({names[number], OwnedFd(SD_LISTEN_FDS_START + number)});
    std::free(names[number]);
  }
  std::free(names);
  std::uint64_t watchdog_us = 0;
  if (sd_watchdog_enabled(1, &watchdog_us) > 0) manager.watchdog_ms_ = watchdog_us / kUsPerMs;
  return manager;
}

OwnedFd ServiceManager::take(std::string_view name) {
  for (Passed& passed : passed_) {
    if (passed.name == name && passed.fd.is_open()) return std::move(passed.fd);
  }
  return OwnedFd();
}

std::vector<std::string> ServiceManager::left() const {
  std::vector<std::string> names;
  for (const Passed& passed : passed_) {
    if (passed.fd.is_open()) names.push_back(passed.name);
  }
  return names;
}

Failure ServiceManager::keep(std::string_view name, int fd) const {
  const std::string message = "FDSTORE=1\nFDNAME=" + without_line_ends(name);
  return failure_of(sd_pid_notify_with_fds(0, 0, message.c_str(), &fd, 1));
}

Failure ServiceManager::forget(std::string_view name) const {
  return tell("FDSTOREREMOVE=1\nFDNAME=" + without_line_ends(name));
}

Failure ServiceManager::ready() const { return tell("READY=1"); }

Failure ServiceManager::stopping() const { return tell("STOPPING=1"); }

Failure ServiceManager::status(std::string_view text) const {
  return tell("STATUS=" + without_line_ends(text));
}

Failure ServiceManager::alive() const { return tell("WATCHDOG=1"); }

Failure ServiceManager::more_time(std::string_view text, std::uint64_t more_ms) const {
  return tell("STATUS=" + without_line_ends(text) +
              "\nEXTEND_TIMEOUT_USEC=" + std::to_string(more_ms * kUsPerMs));
}

}  // namespace pannier::daemon
