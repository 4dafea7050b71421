#include "pannier/options.h"

#include <cstdlib>

namespace pannier {

std::string default_socket_path() {
  const char* path = std::getenv("PANNIER_SOCKET");
  return path && *path ? path : "/run/pannier/pannier.sock";
}

}  // namespace pannier
