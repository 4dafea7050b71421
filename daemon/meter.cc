#include "daemon/meter.h"

#include "daemon/uv_loop.h"

namespace pannier::daemon {

std::uint64_t Meter::answered(const Received& request) {
  if (request.at_ns == 0) return 0;
  const std::uint64_t ns = UvLoop::clock_ns() - request.at_ns;
  answered(request.row, ns, 1);
  return ns;
}

std::uint64_t Meter::requests() const {
  std::uint64_t all = 0;
  for (const Row& row : rows_) all += row.requests;
  return all;
}

}  // namespace pannier::daemon
