// A function that is computed once for the whole host: run this in several terminals at once, and one of them
// computes. Without a daemon it computes by itself.
// Usage: memoize NUMBER
#include "pannier/memoize.h"

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <thread>

namespace {

using namespace std::chrono_literals;

std::uint64_t slow_sum(std::uint64_t last) {
  std::cout << "computing " << last << "\n";
  std::this_thread::sleep_for(500ms);
  return last * (last + 1) / 2;
}

void tell(const pannier::Error& error) { std::cerr << "without the cache: " << error.what() << "\n"; }

}  // namespace

int main(int argc, char** argv) {
  const std::uint64_t last = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 100;
  pannier::Client client;
  const auto sum = pannier::memoize(client.cache("lru"), slow_sum,
                                    {.prefix = "example:slow_sum:",
                                     .ttl = 1h,
                                     .stale = 5min,
                                     .lease = {.duration = 30s},
                                     .on_failure = tell});

  const auto first = sum(last);
  std::cout << "1 + ... + " << last << " = " << first << "\n";
  const auto second = sum(last);
  std::cout << "from the cache: " << second << "\n";
  return 0;
}
