// A wire over io_uring. What is due on all connections goes to the kernel in one call, which also waits, and
// receives go on by themselves: one system call is shared by all that happens at once, where epoll takes a
// read and a write for each connection. The server sees the same bytes.
#pragma once

#include "client/load/wire.h"

namespace pannier::bench {

/// Whether the kernel lets us: Linux 6.1 and later do, many containers do not.
bool has_ring();

/// For replies up to some KiB: larger ones are copied faster into the one buffer of load::epoll_wire().
load::MakeWire ring_wire(load::Waiting waiting);

}  // namespace pannier::bench
