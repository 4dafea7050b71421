// Many requests with one flush: the same work with a round trip each, and with one for all.
// Usage: pipeline [COUNT]
#include <chrono>
#include <cstdlib>
#include <iostream>
#include <string>

#include "pannier/client.h"

namespace {

using Clock = std::chrono::steady_clock;

template <class Act>
double seconds_of(Act act) {
  const auto start = Clock::now();
  act();
  return std::chrono::duration<double>(Clock::now() - start).count();
}

std::string key_of(int i) { return "example:" + std::to_string(i); }

}  // namespace

int main(int argc, char** argv) try {
  const int count = argc > 1 ? std::atoi(argv[1]) : 10'000;
  pannier::Client client;

  const double one_by_one = seconds_of([&] {
    for (int i = 0; i < count; ++i) client.put("lru", key_of(i), i);
  });
  const double at_once = seconds_of([&] {
    auto pipeline = client.pipeline();
    for (int i = 0; i < count; ++i) pipeline.put("lru", key_of(i), i);
    for (const auto& reply : pipeline.run()) reply.check();
  });
  std::cout << count << " puts one by one: " << one_by_one << " s, in a pipeline: " << at_once << " s\n";
  return 0;
} catch (const pannier::Error& error) {
  std::cerr << "pipeline: " << error.what() << "\n";
  return 1;
}
