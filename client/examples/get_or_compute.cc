// Compute a value once for the whole host, by hand over leases (memoize.cc has it ready-made): run this in
// several terminals at once, and one of them computes.
// Usage: get_or_compute NUMBER
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <string>
#include <thread>

#include "pannier/client.h"

namespace {

using namespace std::chrono_literals;

/// The value of `key`, computed by whoever gets the lease. A cache that is away, or a wait that is over, only
/// means to compute it here.
template <class T, class Compute>
T get_or_compute(pannier::Client& client, std::string_view cache, std::string_view key, Compute compute) {
  pannier::LeaseResult<T> found;
  try {
    found = client.lease<T>(cache, key, {.duration = 30s});
  } catch (const pannier::TransportError& error) {
    std::cerr << "without the cache: " << error.what() << "\n";
  }
  if (found.value && !found.lease) return *found.value;

  const T value = compute();
  try {
    if (found.lease) found.lease->put(value, {.ttl = 1h});
  } catch (const pannier::TransportError& error) {
    std::cerr << "not stored: " << error.what() << "\n";
  }
  return value;
}

std::uint64_t slow_sum(std::uint64_t last) {
  std::cout << "computing\n";
  std::this_thread::sleep_for(1s);
  return last * (last + 1) / 2;
}

}  // namespace

int main(int argc, char** argv) try {
  const std::uint64_t last = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 100;
  pannier::Client client;
  const auto sum = get_or_compute<std::uint64_t>(client, "lru", "example:sum:" + std::to_string(last),
                                                 [last] { return slow_sum(last); });
  std::cout << "1 + ... + " << last << " = " << sum << "\n";
  return 0;
} catch (const pannier::Error& error) {
  std::cerr << "get_or_compute: " << error.what() << "\n";
  return 1;
}
