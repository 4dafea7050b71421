// The command `pannier`: parses the command line, runs one sub-command, and turns every failure into a
// message and an exit code. Apart from main.cc, so that it is compiled together with all else that knows
// CLI11.
#pragma once

#include "client/cli/session.h"

namespace pannier::cli {

ExitCode run(int argc, char** argv);

}  // namespace pannier::cli
