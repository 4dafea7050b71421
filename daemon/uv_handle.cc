#include "daemon/uv_handle.h"

#include <cstdio>
#include <cstdlib>

namespace pannier::daemon {

void require_uv(int code, const char* what) {
  if (code >= 0) return;
  std::fprintf(stderr, "pannierd: %s failed: %s\n", what, uv_strerror(code));
  std::abort();
}

}  // namespace pannier::daemon
