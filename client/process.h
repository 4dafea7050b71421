// This process' id without asking the kernel, which takes longer than all else that a request does before it
// is sent.
#pragma once

#include <sys/types.h>

namespace pannier::detail {

/// As getpid(). Right in a child from its first instruction, by whatever call it was forked. Thread-safe.
pid_t process_id();

}  // namespace pannier::detail
