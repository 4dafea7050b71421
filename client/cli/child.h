// Runs a command as a child process and takes what it prints.
#pragma once

#include <string>
#include <vector>

namespace pannier::cli {

/// What `command` (a program, found along $PATH, and its arguments) wrote to standard output. Standard input
/// and error are this process'. Failed (kLocal): it cannot be started, or ended in another way than with exit
/// code 0.
std::string output_of(const std::vector<std::string>& command);

}  // namespace pannier::cli
