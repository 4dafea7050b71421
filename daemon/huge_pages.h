// HugePages asks the system for the arena's memory in huge pages, 2 MiB after 2 MiB shortly before they are
// used: most of what a get and a put of storage cost is waiting for memory at random places, and a part of
// that is the translation of their addresses. Works where the system's setting for shared memory is "never",
// which is the usual one. The asking is done on libuv's threads, and not at all where the process may use one
// processor only, for the loop would wait for it. Ranges that are in use already are left as they are:
// whoever touches one while it is made huge waits for milliseconds.
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
  std::uint64_t from_ = 0;  ///< all before was asked for
  bool is_asking_ = false;
  bool is_stopped_;
  UvTimer timer_;
};

}  // namespace pannier::daemon
