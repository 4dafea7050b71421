// ServiceManager: who started the daemon, as far as it speaks systemd's protocol (sd_notify(3),
// sd_listen_fds(3)). It is told how the daemon is, keeps descriptors for the process that comes next, and
// passes on what it kept. Where there is none, as in a terminal, all that is told to it goes nowhere.
//
// It is told by datagrams that nobody answers: whether a descriptor is really kept (the unit's
// FileDescriptorStoreMax says how many) cannot be known here.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/owned_fd.h"

namespace pannier::daemon {

class ServiceManager {
 public:
  /// Takes over the descriptors that the environment announces, and its variables about them, so that it does
  /// not work a second time. Call it before anything else opens a file.
  static ServiceManager from_environment();

  /// Whether there is somebody to tell.
  bool is_there() const { return is_there_; }
  /// What was wrong with the descriptors that were announced: then there are none.
  const std::optional<std::string>& fault() const { return fault_; }

  /// The first descriptor that was passed under this name and was not taken yet; not open if there is none.
  /// Those that nobody takes are closed with this object.
  OwnedFd take(std::string_view name);
  /// The names of those that nobody has taken.
  std::vector<std::string> left() const;
  /// It restarts a daemon that has not said alive() for so long, from readiness on. Nothing if it does not.
  std::optional<std::uint64_t> watchdog_ms() const { return watchdog_ms_; }

  // What follows answers what the system said if the message could not be sent.
  using Failure = std::optional<std::string>;

  /// Keeps a copy of the descriptor for the next process, under this name beside others of that name. One
  /// that it has already is kept once.
  Failure keep(std::string_view name, int fd) const;
  /// Closes all that it keeps under this name.
  Failure forget(std::string_view name) const;

  Failure ready() const;
  Failure stopping() const;
  /// One line for those who ask it about the daemon.
  Failure status(std::string_view text) const;
  /// The daemon does what it is there for.
  Failure alive() const;
  /// The start, or the stop, goes on, and is to be given this much time from now on.
  Failure more_time(std::string_view text, std::uint64_t more_ms) const;

 private:
  struct Passed {
    std::string name;
    OwnedFd fd;
  };

  bool is_there_ = false;
  std::optional<std::string> fault_;
  std::optional<std::uint64_t> watchdog_ms_;
  std::vector<Passed> passed_;
};

}  // namespace pannier::daemon
