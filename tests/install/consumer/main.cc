// Stores a value in each tier and reads it back, over the socket in $PANNIER_SOCKET. Exit code 0: all agree.
#include <pannier/client.h>
#include <chrono>
#include <exception>
#include <iostream>
#include <optional>
#include <string>
#include <vector>

int main() {
  try {
    pannier::Client client;
    const std::vector<int> primes = {2, 3, 5, 7};
    for (const std::string cache : {"lru", "ttl", "durable"}) {
      client.put(cache, "primes", primes, {.ttl = std::chrono::minutes(5)});
      const auto found = client.get<std::vector<int>>(cache, "primes");
      if (found != primes || client.get<int>(cache, "absent")) {
        std::cerr << cache << ": what was read is not what was written\n";
        return 1;
      }
    }
    std::cout << "all tiers agree\n";
    return 0;
  } catch (const std::exception& error) {
    std::cerr << error.what() << '\n';
    return 1;
  }
}
