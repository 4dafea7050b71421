// HugePages asks the system to put the arena's memory into huge pages, 2 MiB after 2 MiB as it fills: most of
// what a get and a put of storage cost is waiting for memory at random places, and a third of that is the
// translation of their addresses. Works where the system's setting for shared memory is "never", which is
// the usual one. The asking is done on libuv's threads, slowly, so that it takes nothing from requests.
//
// Owner: main. Destroy it when is_idle(). Loop thread only.
#pragma once

#include <cstdint>

#include "daemon/log.h"
#include "daemon/uv_loop.h"
#include "daemon/uv_timer.h"
#include "storage/arena.h"

namespace pannier::daemon {

class HugePages {
 public:
  /// `arena` must outlive it.
  HugePages(UvLoop& loop, const storage::Arena& arena, Log& log);
  HugePages(const HugePages&) = delete;
  HugePages& operator=(const HugePages&) = delete;

  /// To be called when the arena may have grown: cheap.
  void poke();
  /// Asks for no more.
  void stop();
  bool is_idle() const { return !is_asking_; }

 private:
  void ask();
  void answered(storage::Arena::HugePage answer);

  UvLoop& loop_;
  const storage::Arena& arena_;
  Log& log_;
  std::uint64_t next_offset_ = 0;
  bool is_asking_ = false;
  bool is_stopped_ = false;
  UvTimer timer_;
};

}  // namespace pannier::daemon
