// Heartbeat tells the service manager, again and again, that the loop still turns, and how the daemon is. The
// manager's watchdog restarts a daemon that falls silent. It is told from a timer of the loop and from
// nowhere else: a loop that hangs must not look alive. Without a manager it does nothing, and wakes nobody.
#pragma once

#include <cstdint>
#include <string>

#include "daemon/service.h"
#include "daemon/service_manager.h"
#include "daemon/uv_loop.h"
#include "daemon/uv_timer.h"

namespace pannier::daemon {

class Heartbeat {
 public:
  /// All are borrowed and must outlive it.
  Heartbeat(UvLoop& loop, const ServiceManager& manager, const Service& service);

  /// From readiness on, until the end of the loop.
  void start();

 private:
  void beat();

  const ServiceManager& manager_;
  const Service& service_;
  std::uint64_t interval_ms_;
  std::string told_status_;
  UvTimer timer_;
};

}  // namespace pannier::daemon
