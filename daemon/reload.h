// Reload: the configuration, read again while the daemon serves.
//
// The happy path: ask() has the file read, and names looked up, on libuv's threads, where that may take its
// time; back on the loop the caches are opened or altered, then every other setting is put into the Config
// that all parts of the daemon refer to, and those that have to do something about it are told; who asked is
// answered when new caches are on disk. Who asks meanwhile is answered by one more reading behind it.
//
// What can go wrong:
//  - There is no file, it cannot be read, or something in it is wrong or cannot be had: an error that names
//    it, and nothing was changed.
//  - A setting changes with a restart alone: named in the outcome, and as it was until then.
//  - The disk does not take the definition of a cache: an error, and what it says is in force nevertheless.
// Owner: main. Destroy it when is_idle(). Loop thread only.
#pragma once

#include <functional>
#include <memory>
#include <variant>
#include <vector>

#include "daemon/config.h"
#include "daemon/configured_caches.h"
#include "daemon/log.h"
#include "daemon/reload_outcome.h"
#include "daemon/server.h"
#include "daemon/service.h"
#include "daemon/uv_loop.h"

namespace pannier::daemon {

class Reload {
 public:
  /// Reads the configuration once more; called on another thread. `running`: what was read last.
  using Read = std::function<std::variant<Reread, ConfigError>(const Config& running)>;
  /// Fits what was read to what the system gives.
  using Fit = std::function<void(Config&)>;

  /// `live` is what all parts refer to; `read_first`: as it was read, before anything was fitted. All must
  /// outlive it.
  Reload(UvLoop& loop, Log& log, Server& server, Service& service, Config& live, Config read_first, Read read,
         Fit fit);
  Reload(const Reload&) = delete;
  Reload& operator=(const Reload&) = delete;

  /// Calls `done` once, never from within this call.
  void ask(ReloadDone done);
  bool is_idle() const { return answered_.empty(); }

 private:
  void begin();
  void have_read(std::variant<Reread, ConfigError> read);
  void apply(Reread again);
  void tell_parts();
  void access_changed(Reloaded& outcome);
  void dismiss(ConnectionId connection, const std::string& why);
  /// When the definitions of caches that were made or altered are on disk.
  void end_when_defined(const std::vector<ConfiguredCache>& changed, Reloaded outcome);
  void end(const ReloadOutcome& outcome);

  UvLoop& loop_;
  Log& log_;
  Server& server_;
  Service& service_;
  Config& live_;
  Config read_last_;
  Read read_;
  Fit fit_;
  std::vector<ReloadDone> waiting_;   ///< for the next reading
  std::vector<ReloadDone> answered_;  ///< by the one that is under way
};

}  // namespace pannier::daemon
