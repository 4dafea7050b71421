// Storing and reading values: types, deadlines, misses, conditions, errors.
// Usage: basics   (the socket is $PANNIER_SOCKET, or the default)
#include <chrono>
#include <iostream>
#include <map>
#include <string>

#include "pannier/client.h"

int main() try {
  using namespace std::chrono_literals;
  pannier::Client client;

  // Any type that MessagePack can express, for five minutes.
  client.put("lru", "example:name", "Ada", {.ttl = 5min});
  client.put("lru", "example:scores", std::map<std::string, int>{{"chess", 3}, {"go", 5}});

  // A miss is no error, but an empty std::optional.
  if (const auto name = client.get<std::string>("lru", "example:name"))
    std::cout << "name: " << *name << "\n";
  std::cout << "nobody: " << client.get<std::string>("lru", "example:nobody").value_or("a miss") << "\n";

  // Write only if nobody else has written since.
  const auto scores = client.get_entry<std::map<std::string, int>>("lru", "example:scores");
  auto better = scores.value().value;
  ++better["go"];
  const auto version =
      client.put("lru", "example:scores", better, {.condition = pannier::IfVersion{scores->version}});
  std::cout << (version ? "go is better\n" : "somebody else was faster\n");

  std::cout << "visits: " << client.increment("lru", "example:visits") << "\n";
  return 0;
} catch (const pannier::Error& error) {
  std::cerr << "basics: " << error.what() << "\n";
  return 1;
}
