// DurableFloor: the floor under puts that are answered when they are on disk: a process with an epoll loop
// that knows a request by its length. When nobody has sent anything more, it writes a record for each who
// waits, all with one write, syncs the file once, and answers them all: nothing else, on one thread.
//
// It neither waits for more than has come nor goes on while the file is synced: both were slower. Nor does
// the file grow, for that takes a disk longer: its bytes are replaced, round and round.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <string>

#include "tests/client/temporary_directory.h"

namespace pannier::bench {

struct FloorExchange {
  std::size_t request_bytes;
  std::size_t record_bytes;  ///< at least as many: what there is more than a request is zeros
  std::string reply;
};

class DurableFloor {
 public:
  /// Its file is in the temporary directory. Throws std::runtime_error if it cannot be started.
  explicit DurableFloor(const FloorExchange& exchange);
  ~DurableFloor();
  DurableFloor(const DurableFloor&) = delete;
  DurableFloor& operator=(const DurableFloor&) = delete;

  const std::string& socket_path() const { return socket_path_; }

 private:
  test::TemporaryDirectory directory_;
  std::string socket_path_;
  pid_t pid_;
};

}  // namespace pannier::bench
