// pannierd --check-arena: whether the memory that a daemon works in, or has left behind, is sound. It looks
// at a copy, and changes nothing; a daemon that writes meanwhile may tear the copy.
#pragma once

#include <string>

#include "daemon/config.h"

namespace pannier::daemon {

struct ArenaReport {
  bool is_sound = false;
  std::string text;  ///< for people or, if asked for, one JSON object; with its last line's end
};

ArenaReport check_arena(const CheckArena& asked);

}  // namespace pannier::daemon
