// What a Pipeline holds: the requests that were added, as they will be sent.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "client/pool.h"
#include "pannier/detail/request.h"
#include "pannier/pipeline.h"

namespace pannier {

struct Pipeline::Batch {
  std::shared_ptr<detail::Pool> pool;
  /// All requests, one after the other.
  std::string frames = {};
  /// Their msgids, growing.
  std::vector<std::uint64_t> ids = {};
  /// One of them is slow.
  bool is_slow = false;

  void add(const detail::Request& request);
};

}  // namespace pannier
