// What a benchmark ran on: the machine, and the releases of the servers.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace pannier::bench {

/// Names and values, in an order for reading. `pannierd`: which one; empty: the one that was built.
std::vector<std::pair<std::string, std::string>> machine_facts(const std::string& pannierd);

}  // namespace pannier::bench
