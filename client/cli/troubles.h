// What the daemon tells of itself that somebody has to look at, in words: for `pannier info` and `pannier
// top`.
#pragma once

#include <string>
#include <vector>

#include "pannier/info.h"

namespace pannier::cli {

/// A line each; empty if all is well. What is wrong with single caches is not among them.
std::vector<std::string> troubles_of(const ServerInfo& server);

}  // namespace pannier::cli
