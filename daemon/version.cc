#include "daemon/version.h"

namespace pannier::daemon {

std::string_view program_version() { return PANNIER_VERSION; }

}  // namespace pannier::daemon
