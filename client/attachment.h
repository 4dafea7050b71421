// Attachment: the daemon's memory as this process has it, by a connection over which the daemon gave
// descriptors: the arena, mapped read-only (storage/shared_reader.h), and the ring through which the daemon
// learns what was read (storage/use_ring.h).
#pragma once

#include <cstdint>
#include <memory>

#include "client/connection.h"
#include "storage/shared_reader.h"
#include "storage/use_ring.h"

namespace pannier::detail {

class Pool;

/// A mapping of a whole ring.
class MappedRing {
 public:
  /// The descriptor stays the caller's.
  explicit MappedRing(int fd);
  ~MappedRing();
  MappedRing(const MappedRing&) = delete;
  MappedRing& operator=(const MappedRing&) = delete;

  bool is_mapped() const;
  storage::UseRing& operator*() const { return *static_cast<storage::UseRing*>(place_); }

 private:
  void* place_;
};

struct Attachment {
  Attachment(std::unique_ptr<Connection> channel, std::unique_ptr<storage::SharedReader> arena, int ring_fd);

  const std::uint64_t number;              ///< never the same twice in this process; 0 is none
  std::unique_ptr<Connection> connection;  ///< its end is the attachment's end, for the daemon
  const std::unique_ptr<storage::SharedReader> reader;
  const MappedRing ring;
};

/// Asks the daemon, in the time of a request. Nothing if what it gives cannot be mapped. Throws Error.
std::unique_ptr<Attachment> attach(Pool& pool);

}  // namespace pannier::detail
