#include "tests/bench/processors.h"

#include <sched.h>

#include <stdexcept>
#include <vector>

namespace pannier::bench {
namespace {

/// As they were before any thread was pinned.
const std::vector<int>& allowed() {
  static const std::vector<int> processors = [] {
    cpu_set_t set;
    CPU_ZERO(&set);
    std::vector<int> all;
    ::sched_getaffinity(0, sizeof set, &set);
    for (int i = 0; i < CPU_SETSIZE; ++i) {
      if (CPU_ISSET(static_cast<std::size_t>(i), &set)) all.push_back(i);
    }
    if (all.empty()) throw std::runtime_error("cannot tell which processors there are");
    return all;
  }();
  return processors;
}

}  // namespace

int server_processor() { return allowed().back(); }
int load_processor() { return allowed().front(); }
bool has_two_processors() { return allowed().size() > 1; }

std::string processors_used() {
  if (!has_two_processors()) return "server and load share processor " + std::to_string(load_processor());
  return "the server on processor " + std::to_string(server_processor()) + ", the load on processor " +
         std::to_string(load_processor()) + ", of " + std::to_string(allowed().size());
}

void pin_thread(int processor) {
  allowed();
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(static_cast<std::size_t>(processor), &set);
  ::sched_setaffinity(0, sizeof set, &set);
}

}  // namespace pannier::bench
