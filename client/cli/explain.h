// Errors of the library as messages for people: what happened, and what to do next.
#pragma once

#include <string>

#include "client/cli/session.h"
#include "pannier/error.h"

namespace pannier::cli {

ExitCode exit_code_of(const Error& error);

/// `socket`: what --socket said; empty if it was not given. Several lines, the last without a newline.
std::string explained(const Error& error, const std::string& socket);

}  // namespace pannier::cli
