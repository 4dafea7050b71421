// Shutdown ends the daemon without losing anything: no new connections, no new requests, everything dirty on
// disk, what is unsent sent, and then the loop stops.
//
// The happy path, each step when the one before is done: requests that wait for the disk are answered, and
// clears come to their end; the flusher writes what is dirty; the version keeper gives back what it reserved;
// the server sends and closes; the disk has nothing more to do. A disk that fails is tried again until
// hurry(), however long that takes; the service manager hears of it meanwhile.
#pragma once

#include <cstdint>

#include "daemon/disk_worker.h"
#include "daemon/flusher.h"
#include "daemon/huge_pages.h"
#include "daemon/log.h"
#include "daemon/reload.h"
#include "daemon/router.h"
#include "daemon/server.h"
#include "daemon/service.h"
#include "daemon/service_manager.h"
#include "daemon/uv_loop.h"
#include "daemon/uv_timer.h"
#include "daemon/version_keeper.h"
#include "storage/catalog.h"

namespace pannier::daemon {

/// What it needs of the daemon; all of them outlive it.
struct ShutdownParts {
  UvLoop& loop;
  Log& log;
  Server& server;
  Router& router;
  Service& service;
  storage::Catalog& catalog;
  DiskWorker& disk;
  Flusher& flusher;
  VersionKeeper& versions;
  HugePages& huge_pages;
  Reload& reload;
  const ServiceManager& manager;
  bool memory_is_kept;  ///< for the next process
};

class Shutdown {
 public:
  explicit Shutdown(const ShutdownParts& parts);
  Shutdown(const Shutdown&) = delete;
  Shutdown& operator=(const Shutdown&) = delete;

  /// A signal to stop: the first begins, each further one makes it skip what is not on disk yet.
  void signaled();
  /// Entries that were not written because of a second signal: lost, unless memory is kept.
  std::uint64_t unwritten_entries() const { return unwritten_entries_; }

 private:
  void begin();
  void hurry();
  void when_reads_are_done();
  void flushed();
  void close_connections();
  void when_work_is_done();
  /// Tells the service manager how it gets on, again and again until the end: it would kill the process
  /// otherwise.
  void tell();
  /// Calls `step` again soon.
  void again(void (Shutdown::*step)());

  ShutdownParts parts_;
  UvTimer timer_;
  void (Shutdown::*step_)() = nullptr;  // what the timer is for
  UvTimer tell_timer_;
  bool has_begun_ = false;
  bool is_hurried_ = false;
  bool is_flushing_ = false;
  std::uint64_t unwritten_entries_ = 0;
};

}  // namespace pannier::daemon
