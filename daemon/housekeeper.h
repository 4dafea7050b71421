// Housekeeper: calls whatever has something to do by itself (expiry, leases that end, background work,
// checkpoints, room for large values that arrive), when it has, and lets the loop sleep otherwise. At the end
// of each pass it looks at what is due next.
#pragma once

#include <cstdint>

#include "daemon/huge_pages.h"
#include "daemon/service.h"
#include "daemon/uv_loop.h"
#include "daemon/uv_pass.h"
#include "daemon/uv_timer.h"
#include "daemon/version_keeper.h"

namespace pannier::daemon {

class Housekeeper {
 public:
  /// All are borrowed and must outlive it.
  Housekeeper(UvLoop& loop, Service& service, VersionKeeper& versions, HugePages& huge_pages);

 private:
  void work();
  void pass_ended();
  void expect_arriving();
  storage::TimeMs next_due() const;

  Service& service_;
  VersionKeeper& versions_;
  HugePages& huge_pages_;
  storage::TimeMs worked_at_ = 0;
  std::uint64_t expected_bytes_ = 0;  ///< of large values, as the catalog was told last
  bool is_making_room_ = false;       ///< for them
  storage::TimeMs armed_for_ = storage::kNever;
  UvTimer timer_;
  UvPassEnd pass_end_;
};

}  // namespace pannier::daemon
