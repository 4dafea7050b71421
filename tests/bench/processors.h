// Which processors a benchmark uses, of those that it may (sched_getaffinity(2), which containers narrow):
// one for the server that is measured, and another one for the load and all else, where there are two.
#pragma once

#include <string>

namespace pannier::bench {

/// The last one that the program may use.
int server_processor();
/// The first one: the same where there is no other.
int load_processor();
bool has_two_processors();

/// "the server on processor 1, the load on processor 0, of 2".
std::string processors_used();

/// The calling thread runs on this one alone.
void pin_thread(int processor);

}  // namespace pannier::bench
