// What storage does when one of its own invariants does not hold: to go on would serve or save something
// wrong.
#pragma once

#include <cstdio>
#include <cstdlib>

namespace pannier::storage {

/// Prints `what` to standard error and aborts, for a core dump.
[[noreturn]] inline void broken(const char* what) {
  std::fprintf(stderr, "pannier: storage: %s\n", what);
  std::abort();
}

}  // namespace pannier::storage
