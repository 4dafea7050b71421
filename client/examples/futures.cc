// Results as std::futures: several requests under way while the program does something else.
// Usage: futures   (the socket is $PANNIER_SOCKET, or the default)
#include <chrono>
#include <iostream>
#include <string>

#include "pannier/future.h"

int main() try {
  using namespace std::chrono_literals;
  pannier::FutureClient client;

  auto stored = client.put("lru", "example:price", 99, {.ttl = 1min});
  auto price = client.get<int>("lru", "example:price");
  auto visits = client.increment("lru", "example:future-visits");
  std::cout << "three requests are under way\n";

  stored.get();
  std::cout << "price: " << price.get().value_or(0) << ", visits: " << visits.get() << "\n";
  return 0;
} catch (const pannier::Error& error) {
  std::cerr << "futures: " << error.what() << "\n";
  return 1;
}
