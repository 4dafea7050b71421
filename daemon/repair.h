// pannierd --repair: makes a durable tier that does not open into one that does, and tells what was saved and
// what was lost. Works on a data directory that no daemon uses, and keeps what was there under another
// name, whatever comes of it.
#pragma once

#include <string>

#include "daemon/config.h"

namespace pannier::daemon {

struct RepairReport {
  bool is_done = false;
  /// Done: for people or, if asked for, one JSON object, with its last line's end. Else why not.
  std::string text;
};

RepairReport repair_data_dir(const RepairAsked& asked);

}  // namespace pannier::daemon
