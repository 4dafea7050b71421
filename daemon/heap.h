// How the C library is told to get memory from the system, and to keep it.
#pragma once

#include <cstddef>

namespace pannier::daemon {

/// Buffers come and go with every large reply. What is freed stays with the process up to so much, because to
/// give pages back to the system and to fault them in again takes longer than to send what was in them.
/// Before there are other threads.
void keep_freed_memory();

/// Much is about to be allocated, in small pieces, by the calling thread: each would make its heap grow by
/// some pages, with a call of the system for each. In one go it takes one call, and the system may give the
/// memory in large pages, which is what saves time. Nothing is used of it yet, and it stays
/// (keep_freed_memory()). `bytes`: less than 32 MiB.
void widen_heap(std::size_t bytes);

}  // namespace pannier::daemon
